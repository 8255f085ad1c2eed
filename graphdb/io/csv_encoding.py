"""Finds the character encoding of a CSV file where its bytes leave no doubt.

UTF-16 has a byte order mark, or a NUL in every other byte. GBK (read as GB18030, which contains it)
has no mark: a file is GBK if it is not UTF-8, all of it can be read as GB18030, and the characters
are those that Chinese text mostly consists of. Text in other encodings that can be read as GB18030
becomes rare characters at random. Everything else is left to the key `encoding` of a mapping.
"""

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from graphdb.errors import FileFormatError
from graphdb.file_access import pass_on_refusal

UTF_8 = "utf-8"
GB18030 = "gb18030"
_READ_BYTES = 1 << 16
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作"
    "里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想"
    "实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体"
    "政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比"
    "员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场"
    "件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王"
    "象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔户称价"
    "号男店销售买卖购单商客费额货退评款类型编码状态库存城市品牌标签订付款金额套装卡片首饰衣服鞋包裤裙帽袜"
    "裁纸茶酒奶粉糖果肉鱼米油盐厨具锅杯碗盘灯具桌椅床毯婴童玩洗护肤霜面膜口红香车载手机壳充线耳音箱屏键鼠"
    "春夏秋冬季节花草木竹石火土布皮棉麻丝毛绒红黄蓝绿黑灰紫粉橙银圆长短宽厚薄轻软硬温热冷冰暖凉"
    "省县区镇村街州京沪津渝深圳杭苏武汉成都南京天津重庆福建湖江河四川云贵陕甘青宁夏新疆内蒙古辽吉龙"
)
"""The characters of most Chinese text, and those of shops."""
_CHANCE = 0.15
"""At most so many of the characters that another encoding becomes are common ones."""


def check_encoding(name: str) -> str:
    """Validates the name of a text encoding; all names of UTF-8 become one.

    Raises:
        ValueError: Python does not know the name.

    Example:
        >>> check_encoding("latin-1"), check_encoding("UTF8")
        ('latin-1', 'utf-8')
    """
    try:
        "a".encode(name).decode(name)
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"'{name}' is not an encoding; write one such as latin-1, cp1252, gb18030 or utf-16"
        ) from error
    return UTF_8 if codecs.lookup(name).name == UTF_8 else name


def read_text(path: Path, encoding: str) -> Iterator[str]:
    """Yields the text of a file in blocks; invalid bytes become lone surrogates.

    Raises:
        FileFormatError: The bytes cannot be decoded.
    """
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    try:
        with pa.input_stream(str(path)) as stream:
            while block := stream.read(_READ_BYTES):
                yield decoder.decode(block)
        yield decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise not_in_encoding(path, encoding, error) from error


@contextmanager
def readable_csv(path: Path) -> Iterator[None]:
    """Raises FileFormatError for a file whose header cannot be read."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        pass_on_refusal(error, path)
        raise FileFormatError(
            f"'{path}' is not a readable CSV file: {error}",
            expected="a header row",
            value=str(path),
        ) from error


def not_in_encoding(path: Path, encoding: str, problem: object) -> FileFormatError:
    """Returns the error for a file that is not in the encoding of the mapping."""
    return FileFormatError(
        f"'{path}' is not in the encoding '{encoding}': {problem}",
        next_step="set the right encoding in the mapping",
        value=encoding,
    )


def first_encoding(path: Path) -> str:
    """Returns the encoding that the beginning of a file shows; UTF-8 if it shows no other.

    Raises:
        FileFormatError: The file cannot be read.
    """
    with readable_csv(path), pa.input_stream(str(path)) as stream:
        start = stream.read(_READ_BYTES)
    if start.startswith(_UTF_16):
        return "utf-16"
    return _utf_16_without_mark(start) or (UTF_8 if is_utf_8(start) else second_encoding(path))


def second_encoding(path: Path) -> str:
    """Returns the encoding of a file that is not UTF-8: GB18030 if that is certain, else UTF-8."""
    return GB18030 if _is_chinese(read_text(path, GB18030)) else UTF_8


def is_utf_8(start: bytes) -> bool:
    """Returns whether the beginning of a file can be UTF-8; its last character may be cut off."""
    try:
        codecs.getincrementaldecoder(UTF_8)().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def _utf_16_without_mark(start: bytes) -> str | None:
    """Returns utf-16-le or utf-16-be if ASCII in the first line is written with NUL bytes."""
    for name, end, zeros in (("utf-16-le", b"\n\0", 1), ("utf-16-be", b"\0\n", 0)):
        line, found, _ = start.partition(end)
        if found and len(line) % 2 == 0 and 0 not in line[1 - zeros :: 2]:
            with_ascii = line[zeros::2].count(0)
            if with_ascii and with_ascii == line.count(0):
                return name
    return None


def _is_chinese(blocks: Iterator[str]) -> bool:
    """Returns whether text consists of common Chinese characters, beyond any chance."""
    number = common = 0
    for text in blocks:
        characters = re.sub(r"[\x00-\x7f\u3000-\u303f\uff00-\uffef]+", "", text)
        if any("\udc80" <= character <= "\udcff" for character in characters):
            return False  # it cannot be read as GB18030
        number += len(characters)
        common += sum(character in _COMMON for character in characters)
    spread = (number * _CHANCE * (1 - _CHANCE)) ** 0.5
    return common > 0.35 * number and common - number * _CHANCE > 5 * spread
