// A creator's portfolio: newest contents and what they show, products carried for commission
// For a creator: :param creator_id => 'k0003'
MATCH shown = (creator:Creator {creator_id: $creator_id})-[:PUBLISHED]->(content:Content)
WITH creator, shown, content ORDER BY content.created_at DESC LIMIT 6
RETURN creator, shown,
       head([way = (content)-[:FEATURES]->(:Product)-[:MADE_BY]->(:Brand) | way]) AS way
UNION ALL
MATCH shown = (creator:Creator {creator_id: $creator_id})-[promotes:PROMOTES]->(p:Product)
WITH creator, shown, p ORDER BY promotes.since DESC, p.product_id LIMIT 6
RETURN creator, shown, head([way = (p)-[:MADE_BY]->(:Brand) | way]) AS way
