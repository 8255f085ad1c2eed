"""Who follows a question through the code opens few files."""

from trace_files import passed


def test_a_question_passes_twelve_files_at_most(recommender):
    recommender.products_for_user("ann")  # what is worked out once does not count
    found = passed(lambda: recommender.products_for_user("ann"))
    assert "graphrec/query/engine.py" in found
    assert len(found) <= 12, found
