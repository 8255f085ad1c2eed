// Products like this one, by the model's vectors, as `graphrec similar` ranks them
// For a product: :param product_id => 'p0001'
// Needs `graphrec publish`.
MATCH (served:_GraphRec {name: 'release'}) WITH served.id AS id
MATCH (release:_GraphRec {name: 'release ' + id})
MATCH (p:Product {product_id: $product_id}) WHERE p[release.embedding] IS NOT NULL
CALL db.index.vector.queryNodes(release.embedding + '_Product', 500,
     p[release.embedding][..release.dim] + release.padding)
YIELD node AS other, score
WHERE other <> p AND coalesce(other.status, 'active') = 'active' AND coalesce(other.stock, 1) > 0
WITH p, other, release.typical_norm_Product AS typical,
     p[release.embedding][..release.dim] AS v, other[release.embedding][..release.dim] AS w
WITH p, other, typical, reduce(sum = 0.0, i IN range(0, size(v) - 1) | sum + v[i] * w[i]) AS dot,
     sqrt(reduce(sum = 0.0, x IN v | sum + x * x)) AS own,
     sqrt(reduce(sum = 0.0, x IN w | sum + x * x)) AS length
WITH p, other, dot / ((typical + own) * (typical + length)) AS similarity
ORDER BY similarity DESC LIMIT 8
RETURN p, other, similarity,
       [way = (p)-[:MADE_BY]->(:Brand) | way] + [way = (other)-[:MADE_BY]->(:Brand) | way] AS brands,
       [way = (p)-[:IN_CATEGORY]->(:Category) | way][..1]
       + [way = (other)-[:IN_CATEGORY]->(:Category) | way][..1] AS categories
ORDER BY similarity DESC
