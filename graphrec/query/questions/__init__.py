"""The questions by name, by who asks them; all stand on `recommend` and `similar`."""

from graphrec.query.questions.analyst import AnalystQuestions
from graphrec.query.questions.creator import CreatorQuestions
from graphrec.query.questions.feed import FeedQuestions
from graphrec.query.questions.merchant import MerchantQuestions

__all__ = ["AnalystQuestions", "CreatorQuestions", "FeedQuestions", "MerchantQuestions"]
