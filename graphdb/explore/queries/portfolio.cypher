// A creator's portfolio: newest contents and what they show, products carried for commission
// For a creator: :param creator_id => 'k0003'
MATCH shown = (:Creator {creator_id: $creator_id})-[:PUBLISHED]->(content:Content)
WITH shown, content ORDER BY content.created_at DESC LIMIT 12
OPTIONAL MATCH way = (content)-[:FEATURES]->(:Product)-[:MADE_BY]->(:Brand)
RETURN shown, way
UNION ALL
MATCH shown = (:Creator {creator_id: $creator_id})-[promotes:PROMOTES]->(p:Product)
WITH shown, p ORDER BY promotes.since DESC LIMIT 12
OPTIONAL MATCH way = (p)-[:MADE_BY]->(:Brand)
RETURN shown, way
