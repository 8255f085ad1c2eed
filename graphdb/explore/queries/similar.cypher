// Products like this one, by the model's vectors
// For a product: :param product_id => 'p0001'
// Needs `graphrec publish`.
MATCH (release:_GraphRec {name: 'release'})
MATCH (p:Product {product_id: $product_id}) WHERE p[release.embedding] IS NOT NULL
CALL db.index.vector.queryNodes(release.embedding + '_Product', 500,
     p[release.embedding][..release.dim] + release.padding)
YIELD node AS other, score
WHERE other <> p AND coalesce(other.status, 'active') = 'active' AND coalesce(other.stock, 1) > 0
WITH p, other, score, release.typical_norm_Product AS typical, release.max_norm_Product AS longest,
     sqrt(reduce(sum = 0.0, x IN p[release.embedding][..release.dim] | sum + x * x)) AS own,
     sqrt(reduce(sum = 0.0, x IN other[release.embedding][..release.dim] | sum + x * x)) AS length
WITH p, other, (2 * score - 1) * longest * own / ((typical + own) * (typical + length)) AS similarity
ORDER BY similarity DESC LIMIT 10
OPTIONAL MATCH brand = (other)-[:MADE_BY]->(:Brand)
OPTIONAL MATCH category = (other)-[:IN_CATEGORY]->(:Category)
RETURN p, other, similarity, brand, category
ORDER BY similarity DESC
