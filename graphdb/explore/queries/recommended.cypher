// Recommended for a user: what the current model release gave, in its order
// For a user: :param user_id => 'u0007'
// Needs `graphrec publish` with this user as a query node.
MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id
MATCH (u:User {user_id: $user_id})-[given:RECOMMENDED {release: id}]->(target)
WITH u, given, target ORDER BY given.rank LIMIT 12
OPTIONAL MATCH brand = (target)-[:MADE_BY]->(:Brand)
RETURN u, given, target, given.rank AS rank, given.score AS score,
       [fact = (u)-[:CARTED|VIEWED|RATED|PURCHASED|FOLLOWS]->(target) | fact][..1]
       + [fact = (u)-[:FOLLOWS]->(:Brand)<-[:MADE_BY]-(target) | fact] AS facts, brand
ORDER BY rank
