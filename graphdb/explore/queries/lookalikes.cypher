// Lookalikes: people who buy what a brand's buyers buy, but never bought the brand
// For a brand: :param brand_id => 'b0003'
// It looks at the 200 best buyers alone.
MATCH (brand:Brand {brand_id: $brand_id})<-[:MADE_BY]-(:Product)<-[bought:PURCHASED]-(buyer:User)
WITH brand, buyer, count(bought) AS times ORDER BY times DESC, buyer.user_id LIMIT 200
MATCH (buyer)-[:PURCHASED]->(other:Product) WHERE NOT (other)-[:MADE_BY]->(brand)
WITH brand, other, count(DISTINCT buyer) AS shared
WITH brand, other, shared, shared / sqrt(10.0 + COUNT { (other)<-[:PURCHASED]-() }) AS typical
ORDER BY typical DESC, other.product_id LIMIT 12
MATCH (other)<-[bought:PURCHASED]-(person:User)
WITH brand, person, other, typical, collect(bought)[0] AS bought
WITH brand, person, sum(typical) AS likeness, collect([bought, other]) AS lines
WHERE NOT EXISTS { (person)-[:PURCHASED]->(:Product)-[:MADE_BY]->(brand) }
WITH person, likeness, lines ORDER BY likeness DESC, person.user_id LIMIT 10
UNWIND lines AS line
RETURN person, likeness, line[0] AS bought, line[1] AS p
