// Products nearest to a user in the model's space, without what was bought
// For a user: :param user_id => 'u0007'
// Needs `graphrec publish`.
MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id
MATCH (release:_GraphRec {name: 'release ' + id})
MATCH (u:User {user_id: $user_id}) WHERE u[release.embedding] IS NOT NULL
CALL db.index.vector.queryNodes(release.embedding + '_Product', 500,
     u[release.embedding][..release.dim] + release.padding)
YIELD node AS p, score
WHERE NOT EXISTS { (u)-[:PURCHASED]->(p) }
  AND coalesce(p.status, 'active') = 'active' AND coalesce(p.stock, 1) > 0
WITH u, p, score ORDER BY score DESC LIMIT 8
OPTIONAL MATCH brand = (p)-[:MADE_BY]->(:Brand)
RETURN u, p, score,
       [fact = (u)-[:CARTED|VIEWED|RATED]->(p) | fact][..1]
       + [fact = (u)-[:FOLLOWS]->(:Brand)<-[:MADE_BY]-(p) | fact] AS facts, brand,
       [category = (p)-[:IN_CATEGORY]->(:Category) | category][..1] AS category
ORDER BY score DESC
