// Lookalikes by the model's vectors: people near a brand who never bought it
// For a brand: :param brand_id => 'b0003'
// Needs `graphrec publish`.
MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id
MATCH (release:_GraphRec {name: 'release ' + id})
MATCH (brand:Brand {brand_id: $brand_id}) WHERE brand[release.embedding] IS NOT NULL
CALL db.index.vector.queryNodes(release.embedding + '_User', 1000,
     brand[release.embedding][..release.dim] + release.padding)
YIELD node AS person, score
WHERE NOT EXISTS { (person)-[:PURCHASED]->(:Product)-[:MADE_BY]->(brand) }
WITH brand, person, score ORDER BY score DESC LIMIT 8
RETURN brand, person, score,
       [fact = (person)-[:FOLLOWS]->(brand) | fact][..1]
       + [fact = (person)-[:CARTED|VIEWED]->(:Product)-[:MADE_BY]->(brand) | fact][..1] AS facts,
       [bought = (person)-[:PURCHASED]->(:Product) | bought][..1] AS bought
ORDER BY score DESC
