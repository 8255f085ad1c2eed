// Lookalikes: people who buy what a brand's buyers buy, but never bought the brand
// For a brand: :param brand_id => 'b0003'
// It looks at the 100 best buyers alone.
MATCH (brand:Brand {brand_id: $brand_id})<-[:MADE_BY]-(:Product)<-[bought:PURCHASED]-(buyer:User)
WITH brand, buyer, count(bought) AS times ORDER BY times DESC, buyer.user_id LIMIT 100
MATCH (buyer)-[:PURCHASED]->(other:Product)
WITH brand, other, collect(DISTINCT buyer) AS buyers
WITH brand, other, buyers, size(buyers) / sqrt(10.0 + COUNT { (other)<-[:PURCHASED]-() }) AS typical
WHERE NOT (other)-[:MADE_BY]->(brand)
WITH brand, other, buyers[0] AS buyer, typical ORDER BY typical DESC, other.product_id LIMIT 12
MATCH (other)<-[bought:PURCHASED]-(person:User)
WITH brand, other, buyer, typical, person, collect(bought)[0] AS bought
WITH brand, person, sum(typical) AS likeness, collect([bought, other, buyer]) AS lines
ORDER BY likeness DESC, person.user_id LIMIT 300
WHERE NOT EXISTS { (person)-[:PURCHASED]->(:Product)-[:MADE_BY]->(brand) }
WITH brand, person, likeness, lines[0] AS line LIMIT 7
WITH brand, person, likeness, line[0] AS bought, line[1] AS p, line[2] AS buyer
RETURN brand, person, likeness, bought, p,
       head([also = (p)<-[:PURCHASED]-(b) WHERE b = buyer | also]) AS also,
       head([way = (buyer)-[:PURCHASED]->(:Product)-[:MADE_BY]->(brand) | way]) AS way
ORDER BY likeness DESC, person.user_id
