"""The words in names of files and columns, and in their cells, that tell what a table holds.

English and Chinese, and some German. `graphrec init` guesses with them; nothing else reads them.
"""

import re
from collections.abc import Mapping

CONCEPTS: Mapping[str, str] = {
    # Node types
    "User": "user customer client buyer shopper member visitor uid household kunde kaeufer"
    " 用户 会员 客户 买家 顾客 消费者",
    "Creator": "creator influencer author streamer anchor kol blogger uploader"
    " 达人 主播 博主 作者 创作者 红人",
    "Product": "product item sku spu good article asin artikel produkt 商品 产品 货品 宝贝 货号",
    "Brand": "brand maker manufacturer marke hersteller 品牌 制造商 厂商 厂家",
    "Shop": "shop store seller merchant vendor laden 店铺 店 商家 卖家 商户 门店",
    "Category": "category categorie cat department kategorie genre 类目 分类 品类 类别 部门",
    "Tag": "tag style keyword 标签 风格 关键词",
    "Content": "content video clip post note livestream 视频 直播间 内容 笔记 作品",
    "Agency": "agency mcn 机构 经纪公司",
    # What a column says of them
    "id": "id no nr number code key index nummer 编号 编码 代码 序号 号",
    "name": "name title label nickname titel bezeichnung 名称 标题 昵称 名字 姓名 名",
    "time": "time date day timestamp ts unix epoch datetime at when datum zeit 时间 日期 时刻",
    "created": "created joined registered listed launched published uploaded signup since"
    " 注册 上架 创建 发布 入会 开店",
    "price": "price preis cost 价格 单价 售价 定价 原价 价",
    "value": "value amount paid total revenue sales betrag umsatz 金额 实付 支付 总价 成交额",
    "cents": "cent pence 分",
    "count": "count qty quantity quantitiy num units pieces menge anzahl 数量 件数 购买数",
    "stars": "stars star rating score bewertung sterne 评分 星级 打分 星",
    "status": "status state 状态 是否在售",
    "stock": "stock inventory bestand 库存",
    "size": "size groesse 规格 尺寸 尺码",
    "city": "city town stadt ort location 城市 所在地 地区",
    "gender": "gender sex geschlecht 性别",
    "age_band": "age alter 年龄 年龄段",
    "income_band": "income 收入",
    "followers": "followers fans follower 粉丝 粉丝数",
    "duration": "duration length 时长",
    "watched": "watched playtime watchtime 观看时长 播放时长 看播时长",
    "discount": "discount rabatt coupon 优惠 折扣 减免",
    "reason": "reason grund 原因",
    "channel": "channel scene 渠道 场景 来源",
    "kind": "kind 种类",
    "parent": "parent upper 上级 父",
    "order": "order invoice transaction basket session cart receipt bestellung"
    " 订单 交易 单号 流水 会话",
    "event": "event action behavior behaviour type activity operation 行为 事件 动作 操作 类型",
    "source": "src source from head",
    "target": "dst dest target to tail",
}
"""The words of each concept, separated by spaces."""

EVENTS: Mapping[str, str] = {
    "VIEWED": "view viewed pv click clicked browse detail visit impression 浏览 点击 查看 访问",
    "CARTED": "cart carted addtocart addcart basket 加购 加购物车 加入购物车 购物车",
    "PURCHASED": "buy bought purchase purchased order ordered transaction sale sales sold paid"
    " checkout payment pay bestellung 购买 下单 支付 订单 成交 交易 付款 买",
    "RETURNED": "return returned refund refunded 退货 退款 退",
    "RATED": "rating rate rated review reviewed 评价 评分 评论",
    "FOLLOWS": "follow follows followed subscribe 关注 订阅",
    "LIKED": "like liked upvote 点赞 喜欢",
    "WATCHED": "watch watched play played playback 观看 播放 看播",
}
"""The words of each event, in names and in the cells of a column of event types."""

ON_CONTENT = {"VIEWED": "WATCHED"}
"""What an event means where it ends at a content instead of a product."""

CHOICES: Mapping[str, Mapping[str, str]] = {
    "status": {
        "active": "active onsale available selling listed online 在售 上架 已上架 销售中 正常 在架",
        "out_of_stock": "outofstock soldout unavailable 缺货 售罄 无货 断货 售完",
        "withdrawn": "withdrawn inactive deleted discontinued delisted removed offline archived"
        " 下架 已下架 停售 删除 禁售 停产",
    },
    "kind": {
        "short_video": "shortvideo video short 短视频 视频",
        "live": "live livestream 直播",
        "style": "style 风格",
        "trend": "trend 潮流 趋势",
        "function": "function 功能",
        "other": "other 其他",
    },
    "channel": {
        "short_video": "shortvideo video 短视频",
        "live": "live livestream 直播 直播间",
        "shop": "shop store 店铺 门店",
        "search": "search 搜索",
        "mall": "mall 商城",
        "other": "other 其他",
    },
}
"""What the words in a column mean, by property."""

MISSING = ("NULL", "null", "N/A", "n/a", "NA", "None", "none", "nan", "NaN", "\\N", "-", "--", "无")
"""Texts that mean a missing value."""

UNKNOWN = "?"
_CHINESE = r"[\u3400-\u9fff]"


def has_chinese(text: str) -> bool:
    """Returns whether there is a Chinese character in the text."""
    return re.search(_CHINESE, text) is not None


def concepts(name: str, words: Mapping[str, str] = CONCEPTS) -> list[str]:
    """Returns the concepts in a name, in the order of their words; UNKNOWN for other words.

    >>> concepts("product_category_id"), concepts("商品名称"), concepts("userId")
    (['Product', 'Category', 'id'], ['Product', 'name'], ['User', 'id'])
    >>> concepts("user_level"), concepts("会员等级")
    (['User', '?'], ['User', '?'])
    """
    found: list[tuple[int, str]] = []
    by_word = {word: concept for concept, listed in words.items() for word in listed.split()}
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    for match in re.finditer(rf"[A-Za-zÀ-ÿ]+|{_CHINESE}+", _joined(spaced, by_word)):
        if has_chinese(match[0]):
            found += _in_chinese(match[0], by_word, match.start())
        else:
            found += [(match.start(), one) for one in _in_word(match[0].lower(), by_word)]
    return list(dict.fromkeys(concept for _, concept in sorted(found, key=lambda one: one[0])))


def meaning(value: str, words: Mapping[str, str]) -> str | None:
    """Returns what one cell means, or None if its words are unknown or ambiguous.

    >>> meaning("已下架", CHOICES["status"]), meaning("Sold out", CHOICES["status"])
    ('withdrawn', 'out_of_stock')
    """
    bare = re.sub(r"[\s_-]+", "", value).lower()
    exact = [one for one, listed in words.items() if bare in listed.split()]
    found = exact or [one for one in concepts(value, words) if one != UNKNOWN]
    return found[0] if len(found) == 1 else None


def _joined(name: str, by_word: Mapping[str, str]) -> str:
    """Joins two words that are known as one, such as play_time."""

    def join(match: re.Match[str]) -> str:
        return match[1] + match[2] if (match[1] + match[2]).lower() in by_word else match[0]

    return re.sub(r"(?<![A-Za-z])([A-Za-z]+)[ _-]([A-Za-z]+)(?![A-Za-z])", join, name)


def _in_word(word: str, by_word: Mapping[str, str]) -> list[str]:
    """Returns the concept of a word, its singular, or a known word before "id"."""
    for form in (word, word.removesuffix("s"), re.sub("ies$", "y", word)):
        if form in by_word:
            return [by_word[form]]
    if word in ("is", "of", "the", "by", "in", "my", "all"):
        return []
    rest = word.removesuffix("id")
    if rest != word and rest in by_word and "id" in by_word:
        return [by_word[rest], "id"]
    return [UNKNOWN]


def _in_chinese(text: str, by_word: Mapping[str, str], begin: int) -> list[tuple[int, str]]:
    """Returns the concepts in Chinese text, which has no spaces: longer words go first."""
    found = []
    for word in sorted(filter(has_chinese, by_word), key=len, reverse=True):
        while (place := text.find(word)) >= 0:
            found.append((begin + place, by_word[word]))
            text = text[:place] + "\0" * len(word) + text[place + len(word) :]
    found += [(begin + match.start(), UNKNOWN) for match in re.finditer(r"[^\0的]+", text)]
    return found
