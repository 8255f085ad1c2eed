// Creators nearest to a brand in the model's space who do not carry it yet
// For a brand: :param brand_id => 'b0003'
// Needs `graphrec publish` of a bundle that has creators.
MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id
MATCH (release:_GraphRec {name: 'release ' + id}) WHERE release.max_norm_Creator IS NOT NULL
MATCH (brand:Brand {brand_id: $brand_id}) WHERE brand[release.embedding] IS NOT NULL
CALL db.index.vector.queryNodes(release.embedding + '_Creator', 200,
     brand[release.embedding][..release.dim] + release.padding)
YIELD node AS creator, score
WHERE NOT EXISTS { (creator)-[:PROMOTES|PUBLISHED|FEATURES*1..2]->(:Product)-[:MADE_BY]->(brand) }
WITH brand, creator, score ORDER BY score DESC LIMIT 6
RETURN brand, creator, score, COUNT { (creator)<-[:FOLLOWS]-() } AS followers,
       [shown = (creator)-[:PUBLISHED]->(:Content)-[:FEATURES]->(:Product) | shown][..1] AS shown,
       [promotes = (creator)-[:PROMOTES]->(:Product) | promotes][..1] AS promotes
ORDER BY score DESC
