"""The questions by name, by who asks them; all stand on `recommend` and `similar`."""

from graphrec.query.questions.merchant import MerchantQuestions
from graphrec.query.questions.readers import AnalystQuestions, CreatorQuestions, FeedQuestions

__all__ = ["AnalystQuestions", "CreatorQuestions", "FeedQuestions", "MerchantQuestions"]
