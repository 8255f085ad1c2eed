// Why this product: direct facts, and short ways to it from what a user bought, carted, liked or follows
// For a user and a product: :params {user_id: 'u0007', product_id: 'p0001'}
MATCH (u:User {user_id: $user_id})
MATCH (p:Product {product_id: $product_id})
MATCH (u)-[did]->(p) WHERE type(did) <> 'RECOMMENDED'
WITH u, p, type(did) AS kind, collect(did) AS deeds
RETURN u, p, deeds[0] AS did, null AS x, null AS way, [kind] AS kind, size(deeds) AS times
ORDER BY times DESC
UNION ALL
MATCH (u:User {user_id: $user_id})
MATCH (p:Product {product_id: $product_id})
MATCH (u)-[did:PURCHASED|CARTED|LIKED|FOLLOWS]->(x) WHERE x <> p
WITH u, p, x, did
ORDER BY CASE type(did) WHEN 'PURCHASED' THEN 1 WHEN 'FOLLOWS' THEN 2 WHEN 'CARTED' THEN 3 ELSE 4 END
WITH u, p, x, collect(did) AS deeds
MATCH way = (x)-[:MADE_BY|IN_CATEGORY|TAGGED|ALSO_BOUGHT|BOUGHT_TOGETHER|PUBLISHED|FEATURES|PROMOTES*1..2]-(p)
WHERE length(way) = 1
   OR none(r IN relationships(way) WHERE type(r) IN ['ALSO_BOUGHT', 'BOUGHT_TOGETHER'])
WITH u, p, x, deeds, way, [r IN relationships(way) | type(r)] AS kind
ORDER BY size(kind), size(deeds) DESC
WITH u, p, kind, collect([deeds, x, way])[..2] AS found
UNWIND found AS line
RETURN u, p, line[0][0] AS did, line[1] AS x, line[2] AS way, kind, size(line[0]) AS times
ORDER BY size(kind), times DESC LIMIT 8
