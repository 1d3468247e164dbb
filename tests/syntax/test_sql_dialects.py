from coma_cli.syntax.sql_dialects import is_sql_dialect, starts_like_sql, without_texts


def test_dialects_and_parts_of_statements_are_recognized():
    assert is_sql_dialect("DECLARE @a int\nSET @a = (SELECT TOP 1 id FROM t)")
    assert is_sql_dialect(";WITH c AS (SELECT 1 AS n) SELECT * FROM c")
    assert is_sql_dialect("WHERE name LIKE 'a%' AND id IS NULL")
    assert not is_sql_dialect("from row in rows where row.Id > 3 select row;")
    assert not is_sql_dialect("The table is empty.")


def test_sql_begins_with_a_word_of_its_own():
    assert starts_like_sql("-- the newest\nselect 1")
    assert starts_like_sql("(select 1)")
    assert not starts_like_sql("Query 1 select 1")


def test_strings_and_comments_are_left_out():
    assert without_texts("SELECT 'a ''b'' ...' -- ...\nFROM t /* ... */").split() == ["SELECT", "FROM", "t"]
