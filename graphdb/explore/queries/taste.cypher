// A user's taste: what was bought and kept, with brand, category and tags
// For a user: :param user_id => 'u0007'
MATCH (u:User {user_id: $user_id})-[bought:PURCHASED]->(p:Product)
WITH u, p, collect(bought) AS purchases
WHERE COUNT { (u)-[:RETURNED]->(p) } < size(purchases)
WITH u, p, purchases ORDER BY size(purchases) DESC, p.product_id LIMIT 6
OPTIONAL MATCH brand = (p)-[:MADE_BY]->(:Brand)
RETURN u, p, size(purchases) AS times, purchases[0] AS bought, brand,
       [category = (p)-[:IN_CATEGORY]->(:Category) | category][..1] AS category,
       [tag = (p)-[:TAGGED]->(:Tag) | tag][..2] AS tags
ORDER BY times DESC, p.product_id
