// Creators of a brand: who promotes its products or shows them
// For a brand: :param brand_id => 'b0003'
MATCH way = (brand:Brand {brand_id: $brand_id})<-[:MADE_BY]-(:Product)
            <-[:PROMOTES|FEATURES|PUBLISHED*1..2]-(creator:Creator)
WITH brand, creator, collect(way) AS ways
RETURN brand, creator, size(ways) AS times, COUNT { (creator)<-[:FOLLOWS]-() } AS followers,
       ways[..2] AS ways
ORDER BY times DESC, creator.creator_id LIMIT 6
