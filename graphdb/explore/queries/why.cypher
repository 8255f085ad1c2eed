// Why this product: short ways to it from what a user bought, carted, liked or follows
// For a user and a product: :params {user_id: 'u0007', product_id: 'p0001'}
MATCH (u:User {user_id: $user_id})
MATCH (p:Product {product_id: $product_id})
MATCH (u)-[did:PURCHASED|CARTED|LIKED|FOLLOWS]->(x) WHERE x <> p
WITH u, p, x, did
ORDER BY CASE type(did) WHEN 'PURCHASED' THEN 1 WHEN 'FOLLOWS' THEN 2 WHEN 'CARTED' THEN 3 ELSE 4 END
WITH u, p, x, collect(did) AS deeds
MATCH way = (x)-[:MADE_BY|IN_CATEGORY|TAGGED|ALSO_BOUGHT|BOUGHT_TOGETHER|PUBLISHED|FEATURES|PROMOTES*1..2]-(p)
WHERE length(way) = 1
   OR none(r IN relationships(way) WHERE type(r) IN ['ALSO_BOUGHT', 'BOUGHT_TOGETHER'])
WITH u, x, deeds, way, [r IN relationships(way) | type(r)] AS kind
ORDER BY size(kind), size(deeds) DESC
WITH kind, collect([u, deeds[0], x, way])[..4] AS found
UNWIND found AS line
RETURN line[0] AS u, line[1] AS did, line[2] AS x, line[3] AS way, kind
ORDER BY size(kind) LIMIT 25
