// What cannot be sold: a brand's products that are withdrawn, out of stock or often sent back
// For a brand: :param brand_id => 'b0003'
// Bans and suspensions are not in the graph:
// this shows the product's status, and products of which one in five or more came back (twice at least).
MATCH made = (brand:Brand {brand_id: $brand_id})<-[:MADE_BY]-(p:Product)
WITH brand, made, p, COUNT { (p)<-[:PURCHASED]-() } AS bought, COUNT { (p)<-[:RETURNED]-() } AS returned
WITH brand, made, p, bought, returned,
     CASE WHEN p.status <> 'active' THEN [p.status] ELSE [] END
     + CASE WHEN returned >= 2 AND 5 * returned >= bought THEN ['often_returned'] ELSE [] END AS reasons
WHERE size(reasons) > 0
WITH brand, made, p, bought, returned, reasons
ORDER BY size(reasons) DESC, returned DESC, p.product_id LIMIT 8
RETURN brand, p, reasons, bought, returned, made,
       [sold = (p)-[:SOLD_BY]->(:Shop) | sold][..1] AS shops,
       [shown = (p)<-[:PROMOTES]-(:Creator) | shown][..1] AS creators
ORDER BY size(reasons) DESC, returned DESC, p.product_id
