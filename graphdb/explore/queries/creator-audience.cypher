// A creator's audience: who bought most of what it promotes or shows, and who of them follows it
// For a creator: :param creator_id => 'k0003'
MATCH (creator:Creator {creator_id: $creator_id})-[:PROMOTES|PUBLISHED|FEATURES*1..2]->(p:Product)
WITH DISTINCT creator, p
MATCH (p)<-[bought:PURCHASED]-(u:User)
WITH creator, u, p, collect(bought) AS purchases
ORDER BY size(purchases) DESC, p.product_id
WITH creator, u, sum(size(purchases)) AS times, collect([purchases[0], p])[0] AS line
ORDER BY times DESC, u.user_id LIMIT 6
RETURN creator, u, times, line[0] AS bought, line[1] AS p,
       head([(u)-[follows:FOLLOWS]->(creator) | follows]) AS follows,
       head([way = (creator)-[:PROMOTES|PUBLISHED|FEATURES*1..2]->(x) WHERE x = line[1] | way]) AS way
ORDER BY times DESC, u.user_id
