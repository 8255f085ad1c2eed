"""CSV files as programs and people write them: read right, or refused in a line that says why."""

import codecs
import gzip

import pytest

from graphdb import SCHEMA
from graphdb.errors import FileFormatError, MappingError
from graphdb.ingestion import ingest
from graphdb.io import csv_scan, table_files
from graphdb.io.mapped_tables import folder_tables

MAPPING = (
    '[[table]]\nfile = "{file}"\nnode = "User"\n{how}'
    'columns = {{ user_id = "user", city = "{city}" }}\n'
)


def users(folder, store, content, *, how="", city="city", file="users.csv"):
    """The users of one CSV file, and the report."""
    (folder / file).write_bytes(content)
    mapping = MAPPING.format(file=file, how=how, city=city)
    (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
    report = ingest(folder_tables(folder, SCHEMA), store)
    found = store.read_nodes("User", columns=["user_id", "city"]).read_all()
    return report, dict(zip(*found.to_pydict().values(), strict=True))


TEXT = "user,city\nann,Tromsø\nbob,Oslo\n"
CHINESE = "user,城市\nann,上海\n"
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("content", "how"),
    [
        (TEXT.encode(), ""),
        (BOM + TEXT.encode(), ""),
        (TEXT.replace("\n", "\r\n").encode(), ""),
        (TEXT.replace("\n", "\r").encode(), ""),
        (("\r\n" + TEXT).encode(), ""),
        (TEXT.rstrip("\n").encode(), ""),
        (TEXT.encode("latin-1"), 'encoding = "latin-1"\n'),
        (TEXT.encode("cp1252"), 'encoding = "cp1252"\n'),
        (TEXT.encode("utf-16"), 'encoding = "utf-16"\n'),
        (TEXT.encode("utf-16"), ""),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), ""),
        (TEXT.encode("utf-16-le"), ""),
        (TEXT.replace("\n", "\r\n").encode("utf-16-be"), ""),
        (TEXT.encode("utf-16-le"), 'encoding = "utf-16-le"\n'),
        (TEXT.encode("utf-16-be"), 'encoding = "UTF-16BE"\n'),
        (BOM + TEXT.encode(), 'encoding = "utf-8-sig"\n'),
        (TEXT.replace(",", ";").encode(), 'separator = ";"\n'),
        (TEXT.replace(",", "\t").encode(), 'separator = "\\t"\n'),
        (TEXT.replace(",", "|").encode("utf-16"), 'separator = "|"\nencoding = "utf-16"\n'),
    ],
)
def test_text_is_read_as_the_mapping_says(tmp_path, store, content, how):
    report, found = users(tmp_path, store, content, how=how)
    assert found == {"ann": "Tromsø", "bob": "Oslo"}
    assert report.rejected == 0


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "big5"])
def test_chinese_headers_and_cells(tmp_path, store, encoding):
    content, how = CHINESE.encode(encoding), f'encoding = "{encoding}"\n'
    assert users(tmp_path, store, content, how=how, city="城市")[1] == {"ann": "上海"}


SHOP = """商品ID,商品名称,状态,城市
p1,纯棉短袖T恤 男款,在售,上海
p2,"不锈钢炒锅,32厘米",下架,广州
p3,儿童保温水杯,在售,北京
"""


@pytest.mark.parametrize("encoding", ["gbk", "gb18030"])
@pytest.mark.parametrize("header", ["商品ID,商品名称,状态,城市", "user,name,state,city"])
@pytest.mark.parametrize("file", ["users.csv", "users.csv.gz"])
def test_chinese_text_is_read_without_being_told_and_said(tmp_path, store, encoding, header, file):
    text = SHOP.replace(SHOP.splitlines()[0], header)
    content = text.encode(encoding)
    user, *_, city = header.split(",")
    mapping = MAPPING.replace('"user"', f'"{user}"')
    (tmp_path / file).write_bytes(gzip.compress(content) if file.endswith("gz") else content)
    (tmp_path / "mapping.toml").write_text(mapping.format(file=file, how="", city=city), "utf-8")
    report = ingest(folder_tables(tmp_path, SCHEMA), store)
    found = store.read_nodes("User", columns=["user_id", "city"]).read_all().to_pydict()
    assert found == {"user_id": ["p1", "p2", "p3"], "city": ["上海", "广州", "北京"]}
    (warning,) = report.warnings
    assert 'read as GBK, as its characters show; set encoding = "gb18030"' in warning.message


OTHERS = [
    (
        "korean",
        "상품번호,상품명,가격,상태\n1,남성 면 반팔 티셔츠,15000,판매중\n2,주방 냄비,32000,품절\n",
    ),
    ("japanese", "商品番号,商品名,価格,在庫\n1,綿の半袖シャツ,1500,有\n2,ステンレス鍋,3200,無\n"),
    (
        "traditional",
        "商品編號,商品名稱,價格,狀態\n1,純棉短袖襯衫,150,販售中\n2,不鏽鋼炒鍋,320,下架\n",
    ),
    (
        "russian",
        "товар,название,цена,город\n1,Футболка мужская,1500,Москва\n2,Кастрюля,320,Тверь\n",
    ),
    (
        "capitals",
        "товар,название,цена\n1,футболка,москва\n2,кастрюля,тверь\n3,чайники,псков\n".upper(),
    ),
    ("french", "numéro,libellé,état\n1,Théière émaillée,épuisée\n2,Poêle à crêpes,désactivée\n"),
    ("german", "Größe,Käufer\nübergroß,Jürgen\nmäßig,Käthe\nÄÖÜ,ÄÄÄÄÄÄÄÄ\n"),
    ("greek", "κωδικός,όνομα\n1,Μπλουζάκι βαμβακερό\n2,Κατσαρόλα ανοξείδωτη\n"),
]
ENCODINGS = {
    "korean": ["euc-kr", "cp949"],
    "japanese": ["euc-jp", "shift-jis"],
    "traditional": ["big5"],
    "russian": ["cp1251", "koi8-r", "iso8859-5"],
    "capitals": ["cp1251", "koi8-r", "iso8859-5"],
    "french": ["latin-1", "cp850"],
    "german": ["latin-1", "cp850"],
    "greek": ["cp1253"],
}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(text, encoding) for language, text in OTHERS for encoding in ENCODINGS[language]],
)
@pytest.mark.parametrize("times", [1, 50])
def test_other_encodings_are_never_taken_for_chinese(tmp_path, text, encoding, times):
    path = tmp_path / "users.csv"
    path.write_bytes(text.encode(encoding) * times)
    with pytest.raises(FileFormatError, match=r'is not UTF-8: its header .*set encoding = "'):
        table_files.open_table_file(path)


def test_a_few_chinese_characters_are_no_certainty(tmp_path):
    path = tmp_path / "users.csv"
    path.write_bytes("user,城\n1,海\n".encode("gbk"))
    with pytest.raises(FileFormatError, match='set encoding = "latin-1" or "gb18030"'):
        table_files.open_table_file(path)


def test_compressed_text_in_another_encoding(tmp_path, store):
    content = gzip.compress(TEXT.encode("latin-1"))
    how = 'encoding = "latin-1"\n'
    found = users(tmp_path, store, content, how=how, file="users.csv.gz")[1]
    assert found == {"ann": "Tromsø", "bob": "Oslo"}


def test_a_quoted_line_end_is_part_of_its_cell(tmp_path, store):
    content = b'user,"the\ncity"\r\nann,"Upper\nTown"\r\nbob,"a ""big"" one"\r\n'
    found = users(tmp_path, store, content, city="the\\ncity")[1]
    assert found == {"ann": "Upper\nTown", "bob": 'a "big" one'}


@pytest.mark.parametrize("content", [b"user,city", b"user,city\n", BOM + b"user,city\r\n\r\n\n"])
def test_a_header_alone_is_a_table_without_rows(tmp_path, store, content):
    report, found = users(tmp_path, store, content)
    assert found == {}
    assert report.tables[0].read == 0


@pytest.mark.parametrize("encoding", ["latin-1", "gbk"])
def test_cells_in_another_encoding_cost_their_rows_and_are_shown(tmp_path, store, encoding):
    text = TEXT if encoding == "latin-1" else TEXT.replace("Tromsø", "上海")
    report, found = users(tmp_path, store, text.encode(encoding))
    assert found == {"bob": "Oslo"}
    assert report.reject_codes == {"bad_encoding": 1}
    assert "not all UTF-8; if all of it has one other encoding" in report.warnings[0].message
    (reject,) = store.read_rejects().to_pylist()
    assert reject["row"] == 1
    assert "column 'city' is not UTF-8: " in reject["reason"]
    assert "\\x" in reject["reason"]


def test_ragged_rows_and_nul_bytes_cost_their_rows_alone(tmp_path, store):
    content = b"user,city\nann\nbo\0b,Oslo\ncid,Rome,Italy\n\ndan,Oslo\n"
    report, found = users(tmp_path, store, content)
    assert found == {"dan": "Oslo"}
    assert report.reject_codes == {"malformed_row": 2, "control_character": 1}


@pytest.mark.parametrize(
    ("content", "how", "message"),
    [
        (b"", "", "is empty; expected at least a header row"),
        (BOM, "", "is empty; expected at least a header row"),
        (b"\n\n\r\n", "", "is empty; expected at least a header row"),
        ("user,city".encode("utf-16-le"), "", 'NUL bytes.*set encoding = "utf-16-le"'),
        (
            "user,størrelse\n".encode("latin-1"),
            "",
            r'is not UTF-8: its header is user,st\\xf8rrelse; set encoding = "latin-1" or "gb',
        ),
        (CHINESE.encode("gbk"), "", r'is not UTF-8: its header is user,\\xb3\\xc7.*"gb18030"'),
        (TEXT.encode("latin-1"), 'encoding = "utf-16"\n', "is not in the encoding 'utf-16'"),
        (TEXT.encode("latin-1"), 'encoding = "gb18030"\n', "is not in the encoding 'gb18030'"),
        (TEXT.encode("latin-1"), 'encoding = "ascii"\n', "is not in the encoding 'ascii'"),
        (
            gzip.compress(TEXT.encode(), mtime=0),
            "",
            "not a CSV file but compressed by gzip; rename it to",
        ),
        (b"PK\x03\x04" + b"\0" * 50, "", "not a CSV file but an Excel workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 50, "", "not a CSV file but an old Excel workbook"),
        (b"PAR1" + b"\0" * 50, "", "not a CSV file but a Parquet file; rename it to .parq"),
        (b"SQLite format 3\0", "", "not a CSV file but an SQLite database"),
    ],
)
def test_what_is_no_readable_csv_file_is_refused_by_name(tmp_path, store, content, how, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        users(tmp_path, store, content, how=how)
    assert "users.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_line_without_end_is_refused_by_name(tmp_path, store, monkeypatch):
    monkeypatch.setattr(csv_scan, "_HEADER_CHARACTERS", 1_000)
    monkeypatch.setattr(table_files, "BLOCK_BYTES", 10_000)
    with pytest.raises(FileFormatError, match=r"header of '.*users.csv' is longer than 1,000 char"):
        users(tmp_path, store, b'user,"' + b"x" * 70_000)
    with pytest.raises(FileFormatError, match=r"users.csv' .* a row is longer than 10,000 bytes"):
        users(tmp_path, store, b"user,city\nann," + b"x" * 70_000 + b"\n")


LONG_TEXT = b"user,city\n" + b"ann,Oslo\n" * 200_000


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(LONG_TEXT)[:-100], id="cut off"),
        pytest.param(gzip.compress(TEXT.encode())[:-10], id="cut off in the first block"),
        pytest.param(TEXT.encode(), id="no gzip"),
    ],
)
def test_a_broken_gzip_file_is_refused_by_name(tmp_path, store, content):
    with pytest.raises(FileFormatError, match=r"users.csv.gz' is not a readable CSV file"):
        users(tmp_path, store, content, file="users.csv.gz")


@pytest.mark.parametrize(
    ("header", "separator"),
    [
        ("user;city", ";"),
        ("user\tcity", "\\t"),
        ("user|city", "|"),
        ("user;price, EUR;city", ";"),
        ('"user";"city"', ";"),
    ],
)
def test_another_separator_is_found_and_no_other_name_advised(tmp_path, store, header, separator):
    with pytest.raises(MappingError) as caught:
        users(tmp_path, store, f"{header}\nann,Oslo\n".encode())
    assert f'separator = "{separator}" in the mapping' in caught.value.next_step
    assert "did you mean" not in str(caught.value)
    (tmp_path / "mapping.toml").unlink()
    text = header.replace("user", "user_id")
    (tmp_path / "users.csv").rename(tmp_path / "User.csv")
    (tmp_path / "User.csv").write_text(f"{text}\nann,Oslo\n")
    with pytest.raises(FileFormatError, match="cells seem to be separated by") as caught:
        folder_tables(tmp_path, SCHEMA)
    assert "did you mean" not in str(caught.value)


def test_a_missing_column_of_a_file_that_is_split_right_gets_the_nearest_name(tmp_path, store):
    with pytest.raises(MappingError, match="did you mean 'town'"):
        users(tmp_path, store, b"user,town\nann,Oslo\n", city="twon")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ('separator = ""\n', "line 4: 'table.0.separator': '' cannot separate cells"),
        ('separator = ";;"\n', "';;' cannot separate cells; write one character"),
        ('separator = "\\n"\n', "cannot separate cells"),
        ("separator = '\"'\n", "cannot separate cells"),
        ('separator = "§"\n', "cannot separate cells"),
        ('encoding = "latin-99"\n', "line 4: 'table.0.encoding': 'latin-99' is not an encoding"),
        ('encoding = "base64"\n', "'base64' is not an encoding; write one such as latin-1"),
        ('encoding = ""\n', "'' is not an encoding"),
        ("encoding = 8\n", "line 4: 'table.0.encoding'"),
    ],
)
def test_a_separator_or_encoding_that_is_none_is_refused(tmp_path, store, how, message):
    with pytest.raises(MappingError, match=message):
        users(tmp_path, store, TEXT.encode(), how=how)


@pytest.mark.parametrize("how", ['separator = ";"\n', 'encoding = "latin-1"\n'])
def test_other_files_than_csv_have_no_separator(tmp_path, store, how):
    with pytest.raises(FileFormatError, match=r"'users.parquet' is not a CSV file, so it has no"):
        users(tmp_path, store, TEXT.encode(), how=how, file="users.parquet")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("/etc/users.csv", "'/etc/users.csv' is not in the folder of the tables; write a path"),
        ("../users.csv", "is not in the folder of the tables"),
        ("a/../../users.csv", "is not in the folder of the tables"),
        (r"C:\\data\\users.csv", "is not in the folder of the tables"),
        ("C:/data/users.csv", "is not in the folder of the tables"),
        (r"\\\\server\\users.csv", "is not in the folder of the tables"),
        ("", "is not in the folder of the tables"),
        ("a\\u0000b.csv", "has a control character in it"),
        ("**.csv", "'\\*\\*.csv' is not a pattern of files"),
        ("orders-*.csv", "there is no file 'orders-\\*.csv'"),
        ("sub*", "'sub\\*' in .* is a folder, not a file"),
        ("sub", "'sub' in .* is a folder, not a file"),
        ("x" * 5000 + ".csv", "there is no file|is not a pattern of files"),
        ("usrs.csv", "there is no file 'usrs.csv'.*did you mean 'users.csv'"),
    ],
)
def test_a_path_that_names_no_file_of_the_folder_is_refused(tmp_path, pattern, message):
    (tmp_path / "users.csv").write_text(TEXT)
    (tmp_path / "sub").mkdir()
    (tmp_path / "mapping.toml").write_text(MAPPING.format(file=pattern, how="", city="city"))
    with pytest.raises(MappingError, match=f"mapping.toml, line 2: .*{message}"):
        folder_tables(tmp_path, SCHEMA)


@pytest.mark.parametrize("format_", ["%Q", "%s", "%d.%m.%Y %Q", "dd.mm.yyyy", ""])
def test_a_format_that_is_none_is_refused_before_anything_is_read(tmp_path, format_):
    (tmp_path / "users.csv").write_text("user,city\nann,1\n")
    text = MAPPING.format(file="users.csv", how="", city="city")
    at = f'created_at = {{ column = "city", format = "{format_}" }}'
    (tmp_path / "mapping.toml").write_text(text.replace('city = "city"', at))
    with pytest.raises(MappingError, match=f"line 4: .*'{format_}' is not a format of times"):
        folder_tables(tmp_path, SCHEMA)


VALID = MAPPING.format(file="users.csv", how="", city="city")


@pytest.mark.parametrize(
    "content",
    [VALID.encode(), BOM + VALID.encode(), VALID.replace("\n", "\r\n").encode()],
)
def test_a_mapping_may_have_a_bom_and_other_line_ends(tmp_path, content):
    (tmp_path / "users.csv").write_text(TEXT)
    (tmp_path / "mapping.toml").write_bytes(content)
    assert len(folder_tables(tmp_path, SCHEMA)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (VALID.encode("utf-16"), "mapping.toml, line 1: byte 0xff is not UTF-8; save the file as"),
        (VALID.replace("city", "størrelse").encode("latin-1"), "line 4: byte 0xf8 is not UTF-8"),
        (VALID.encode("utf-16-le"), "mapping.toml is not valid TOML"),
        (b"a = " + b"9" * 5000, "mapping.toml is not valid TOML"),
        (b"a = " + b"[" * 100_000, "mapping.toml is nested too deeply"),
        (b"a = 2026-13-45", "mapping.toml is not valid TOML"),
        (b"", "line 1: 'table': Field required"),
        (VALID.replace('"user"', "{ column = 7 }").encode(), "line 4: .*valid string"),
        (VALID.replace('"user"', '{ column = "user", scale = inf }').encode(), "finite number"),
    ],
)
def test_a_mapping_that_cannot_be_read_says_where(tmp_path, content, message):
    (tmp_path / "users.csv").write_text(TEXT)
    (tmp_path / "mapping.toml").write_bytes(content)
    with pytest.raises(MappingError, match=message):
        folder_tables(tmp_path, SCHEMA)


@pytest.mark.parametrize("how", ["", 'encoding = "utf-8"\n', 'encoding = "UTF8"\n'])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_broken_rows_that_are_no_utf_8_cost_only_themselves(store, tmp_path, capfd, start, how):
    """Headers and cells of other rows are as they would be without them."""
    rows = ["用户,城市", "ann,München", "bob,北京", "cid,"]
    broken = [b"dan,R\xffme,Italy", b"\xe4"]
    lines = [*(row.encode() for row in rows), *broken, b"eve,Oslo"]
    (tmp_path / "users.csv").write_bytes(start + b"\n".join(lines) + b"\n")
    (tmp_path / "mapping.toml").write_text(
        f'[[table]]\nfile = "users.csv"\nnode = "User"\n{how}'
        'columns = { user_id = "用户", city = "城市" }\n'
    )
    report = ingest(folder_tables(tmp_path, SCHEMA), store)
    assert report.reject_codes == {"malformed_row": 2}
    found = store.read_nodes("User").read_all().sort_by("user_id").to_pylist()
    assert [(row["user_id"], row["city"]) for row in found] == [
        ("ann", "München"),
        ("bob", "北京"),
        ("cid", None),
        ("eve", "Oslo"),
    ]
    assert "Exception ignored" not in capfd.readouterr().err
