from __future__ import annotations

import pytest

from fillwright.api.desk import check
from fillwright.api.errors import ApiError
from fillwright.core.context import Answer


def test_an_answer_that_is_good_passes() -> None:
    answer = Answer(ok=True, position_id=3)
    assert check(answer) is answer


@pytest.mark.parametrize(
    ("code", "status"),
    [("POSITION_NOT_OPEN", 409), ("REFUSED", 409), ("HALTED", 422), ("REASON_REQUIRED", 422)],
)
def test_a_refusal_is_a_conflict_with_the_state_or_a_denial(code: str, status: int) -> None:
    with pytest.raises(ApiError) as caught:
        check(Answer(ok=False, code=code, message="why", position_id=3))
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.details == {"position_id": 3}
