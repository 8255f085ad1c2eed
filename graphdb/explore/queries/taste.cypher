// A user's taste: what was bought and kept, with brand, category and tags
// For a user: :param user_id => 'u0007'
MATCH (u:User {user_id: $user_id})-[bought:PURCHASED]->(p:Product)
WITH u, p, collect(bought) AS purchases
WHERE COUNT { (u)-[:RETURNED]->(p) } < size(purchases)
WITH u, p, purchases ORDER BY size(purchases) DESC, p.product_id LIMIT 8
OPTIONAL MATCH brand = (p)-[:MADE_BY]->(:Brand)
OPTIONAL MATCH category = (p)-[:IN_CATEGORY]->(:Category)
RETURN u, p, size(purchases) AS times, purchases[0] AS bought, brand, category,
       [tag = (p)-[:TAGGED]->(:Tag) | tag] AS tags
ORDER BY times DESC, p.product_id
