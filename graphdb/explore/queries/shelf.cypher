// A product's place: brand, shop, category, tags, who shows it, what is bought with it
// For a product: :param product_id => 'p0001'
MATCH (p:Product {product_id: $product_id})
RETURN p,
       [way = (p)-[:MADE_BY]->(:Brand) | way] AS brand,
       [way = (p)-[:SOLD_BY]->(:Shop) | way][..3] AS shops,
       [way = (p)-[:IN_CATEGORY]->(:Category)-[:CHILD_OF*0..1]->(:Category) | way][..3] AS categories,
       [way = (p)-[:TAGGED]->(:Tag) | way][..4] AS tags,
       [way = (p)<-[:PROMOTES]-(:Creator) | way][..3] AS creators,
       [way = (p)<-[:FEATURES]-(:Content)<-[:PUBLISHED]-(:Creator) | way][..3] AS contents,
       [way = (p)-[:BOUGHT_TOGETHER|ALSO_BOUGHT]->(:Product) | way][..5] AS bought_with
