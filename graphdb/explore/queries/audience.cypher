// A brand's audience: who bought it most, and what
// For a brand: :param brand_id => 'b0003'
MATCH (brand:Brand {brand_id: $brand_id})<-[made_by:MADE_BY]-(p:Product)<-[bought:PURCHASED]-(u:User)
WITH brand, p, made_by, u, collect(bought) AS purchases
ORDER BY size(purchases) DESC, p.product_id
WITH brand, u, sum(size(purchases)) AS times,
     collect([purchases[0], p, made_by])[0] AS line
ORDER BY times DESC, u.user_id LIMIT 10
RETURN brand, u, times, line[0] AS bought, line[1] AS p, line[2] AS made_by
