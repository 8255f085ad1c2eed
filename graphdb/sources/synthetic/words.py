"""The words that names and titles are made of."""

STYLES = ("minimalist", "retro", "cute", "elegant", "natural", "sporty", "bold", "classic")

FUNCTIONS = (
    "for travel",
    "for the office",
    "as a gift",
    "for sport",
    "for students",
    "for parties",
    "for every day",
    "for weekends",
)

TRENDS = ("city walk", "camping", "quiet luxury", "cottagecore", "dopamine colours", "guochao")

BRAND_STARTS = (
    *("Al", "Bel", "Cor", "Dan", "El", "Fen", "Gal", "Hal", "Iv", "Jun", "Kel", "Lum", "Mar"),
    *("Nor", "Or", "Pel", "Quin", "Ros", "Sol", "Tam", "Ul", "Vel", "Wen", "Xan", "Yar", "Zel"),
    *("Bri", "Cla", "Dre", "Fli", "Gre", "Kri", "Plu", "Sta", "Tri", "Vio"),
)
BRAND_MIDDLES = (
    *("a", "an", "ar", "e", "en", "er", "i", "in", "ir", "o", "on", "or", "u", "un", "ur"),
    *("ea", "ia", "io", "ua", "ei"),
)
BRAND_ENDS = (
    *("bay", "co", "dell", "dora", "field", "go", "la", "lane", "lia", "lin", "mi", "moon", "na"),
    *("nest", "nova", "pine", "ra", "ridge", "ro", "sa", "son", "ta", "tree", "vale", "wood"),
)

FIRST_NAMES = (
    *("Ada", "Amir", "Anna", "Ben", "Bo", "Cai", "Carla", "Chen", "Dana", "David", "Ella", "Emil"),
    *("Fang", "Fatima", "Finn", "Gia", "Hana", "Hugo", "Ines", "Ivan", "Jade", "Jun", "Kai"),
    *("Kira", "Lan", "Leo", "Lin", "Lucia", "Mai", "Marco", "Mei", "Mia", "Nadia", "Nils", "Nora"),
    *("Omar", "Ping", "Priya", "Rui", "Sami", "Sara", "Tao", "Tess", "Uma", "Vera", "Wei", "Xia"),
    *("Yan", "Yuki", "Zoe"),
)
LAST_NAMES = (
    *("Abel", "Bai", "Berg", "Cruz", "Dai", "Diaz", "Dong", "Fan", "Fox", "Gao", "Gold", "Gu"),
    *("Han", "Hart", "He", "Hill", "Hu", "Jiang", "Kim", "King", "Kohl", "Lee", "Li", "Long"),
    *("Lu", "Ma", "Moss", "Novak", "Ono", "Park", "Peng", "Qian", "Ray", "Rossi", "Sato", "Shen"),
    *("Silva", "Song", "Stone", "Sun", "Tan", "Tang", "Wang", "West", "Wolf", "Wu", "Xie", "Xu"),
    *("Yang", "Zhou"),
)

AGENCY_STARTS = (
    *("Bright", "Blue Lake", "Cloud", "First Light", "Golden", "Harbour", "Lantern", "Momentum"),
    *("Nine Suns", "Orchard", "Red Kite", "Silver", "Star River", "Tide", "Vivid", "Wave"),
)
AGENCY_ENDS = ("Media", "Talent", "Studio", "Network", "Creators", "Live")

AGE_BANDS = ("18-24", "25-29", "30-34", "35-39", "40-49", "50+")
GENDERS = ("female", "male", "not given")
INCOME_BANDS = ("low", "lower middle", "middle", "upper middle", "high")
HOUSEHOLDS = ("1 Adult", "2 Adults", "1 Adult Kids", "2 Adults Kids", "3 Generations")
CITIES = (
    *("Beijing", "Shanghai", "Guangzhou", "Shenzhen", "Hangzhou", "Chengdu", "Wuhan", "Nanjing"),
    *("Xi'an", "Suzhou", "Chongqing", "Qingdao", "Changsha", "Xiamen", "Kunming", "Harbin"),
)

CONTENT_OPENINGS = {
    "short_video": ("Testing", "Unboxing", "3 reasons to love", "My week with", "Honest review:"),
    "live": ("Live:", "Tonight live:", "Live sale:"),
}

RETURN_REASONS = ("poor quality", "not as described", "wrong size", "changed my mind")
SCENES = ("short_video", "live", "shop", "search", "mall", "other")
SCENE_SHARES = (0.42, 0.25, 0.17, 0.1, 0.05, 0.01)
