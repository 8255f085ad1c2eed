// Products like this one, by the model's vectors
// For a product: :param product_id => 'p0001'
// Needs `graphrec publish`.
MATCH (release:_GraphRec {name: 'release'})
MATCH (p:Product {product_id: $product_id}) WHERE p[release.embedding] IS NOT NULL
CALL db.index.vector.queryNodes(release.embedding + '_Product', 500,
     p[release.embedding][..release.dim] + release.padding)
YIELD node AS other, score
WHERE other <> p
WITH p, other, (2 * score - 1) / (release.typical_norm_Product
     + sqrt(reduce(sum = 0.0, x IN other[release.embedding][..release.dim] | sum + x * x))) AS likeness
ORDER BY likeness DESC LIMIT 10
OPTIONAL MATCH brand = (other)-[:MADE_BY]->(:Brand)
OPTIONAL MATCH category = (other)-[:IN_CATEGORY]->(:Category)
RETURN p, other, likeness, brand, category
ORDER BY likeness DESC
