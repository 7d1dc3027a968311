"""Which answers are the same, and whether that is enough."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.scripted import Scripted
from tests.chat.test_race import configured
from tui.chat.consensus import Consensus, Group, consensus, grouped, is_short, normalized, united, verdict_of
from tui.chat.drill import Stage
from tui.chat.prompt import Prompt
from tui.chat.race import lanes_for, race
from tui.chat.sending import Sender
from tui.demo.fleet import DemoFleet
from tui.routing.modes import Mode, Modes
from tui.routing.policy import Request

LONG = "It is the first of them, for the reason that " + "all others have been ruled out before " * 4
ANSWERS = st.dictionaries(
    st.sampled_from([f"one/{letter}" for letter in "abcdef"]),
    st.one_of(st.sampled_from(["Paris", "paris.", "**Paris**", "Rome", "4", "-4", "four"]), st.text(max_size=12)),
    min_size=1,
)


@pytest.mark.parametrize(
    "other", ["paris", " Paris.\n", "**Paris**", '"Paris"', "“Paris.”", '**"Paris"**!', "- Paris", "# PARIS", "(Paris)"]
)
def test_case_white_space_and_punctuation_do_not_matter(other: str) -> None:
    assert normalized(other) == normalized("Paris")


@pytest.mark.parametrize(
    ("one", "other"),
    [("four", "4"), ("4", "-4"), ("3.14", "314"), ("1/2", "12"), ("C", "C#"), ("5", "50"), ("5%", "5"), (">5", "5"),
     ("5'", '5"'), ("3 - 4", "3 4"), ("+", "-"), ("[0,1]", "(0,1)"), ("2*3*4", "234"), ("*p", "p"), (".5", "5"),
     ("yes", "no"), ("?", "")],
)  # fmt: skip
def test_what_means_something_else_stays_different(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)


@given(st.text(max_size=60), st.sampled_from(["", " ", "\n", "\t "]), st.sampled_from(["", " ", "\n\n"]))
def test_an_answer_is_itself_whatever_white_space_is_around(text: str, before: str, behind: str) -> None:
    assert normalized(before + text + behind) == normalized(text)


@given(st.lists(st.from_regex(r"[a-zé0-9]{1,8}", fullmatch=True), min_size=1, max_size=6), st.sampled_from(".!?…:"))
def test_sentences_agree_with_themselves_in_capitals_and_with_a_full_stop(words: list[str], mark: str) -> None:
    sentence = " ".join(words)
    assert normalized(sentence) == sentence
    assert normalized("  ".join(words).upper() + mark) == sentence


@given(ANSWERS, st.randoms())
def test_groups_divide_the_models_and_do_not_depend_on_the_order_of_asking(
    answers: dict[str, str], random: Random
) -> None:
    shuffled = list(answers.items())
    random.shuffle(shuffled)
    groups = grouped(answers)
    assert grouped(dict(shuffled)) == groups
    assert sorted(model for group in groups for model in group.models) == sorted(answers)
    place = {model: group for group in groups for model in group.models}
    for one in answers:
        for other in answers:
            assert (place[one] is place[other]) == (normalized(answers[one]) == normalized(answers[other]))
    sizes = [len(group.models) for group in groups]
    assert sizes == sorted(sizes, reverse=True)


@given(ANSWERS)
def test_a_judge_who_finds_all_the_same_or_all_different_is_followed(answers: dict[str, str]) -> None:
    groups = grouped(answers)
    numbers = list(range(1, len(groups) + 1))
    assert united(groups, [[number] for number in numbers]) == groups
    (everybody,) = united(groups, [numbers])
    assert everybody.models == tuple(sorted(answers))
    assert everybody.answer == answers[everybody.models[0]]


def of_sizes(*sizes: int, asked: int, threshold: float) -> Consensus:
    groups = [
        Group(tuple(f"{letter}/{n}" for n in range(size)), "x") for letter, size in zip("abc", sizes, strict=False)
    ]
    return Consensus(groups=tuple(groups), asked=asked, threshold=threshold)


@pytest.mark.parametrize(
    ("found", "reached"),
    [
        (of_sizes(2, 1, asked=3, threshold=0.66), True),
        (of_sizes(2, asked=4, threshold=0.66), False),
        (of_sizes(2, asked=4, threshold=0.5), True),
        (of_sizes(1, asked=2, threshold=0.5), False),
        (of_sizes(2, 2, asked=4, threshold=0.5), False),
        (of_sizes(asked=2, threshold=0.5), False),
    ],
    ids=["two of three", "two silent", "half is enough", "one alone", "a tie", "nobody"],
)
def test_enough_is_a_share_of_all_that_were_named(found: Consensus, reached: bool) -> None:
    assert (found.agreed is not None) is reached


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("[[1, 3], [2]]", ((1, 3), (2,))),
        ("I think:\n```json\n[[1],\n [2, 3]]\n```\nThat is all.", ((1,), (2, 3))),
        ("First [[1, 2, 3]], but on reflection [[1, 2], [3]]", ((1, 2), (3,))),
        ("[[1, 2]]", None),
        ("[[1, 2], [2, 3]]", None),
        ("[[1, 2, 3, 4]]", None),
        ("[[], [1, 2, 3]]", None),
        ("They are all the same.", None),
        ("[" * 100_000 + "]" * 100_000, None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_verdict_counts_only_where_it_divides_all_answers(reply: str, verdict: object) -> None:
    assert verdict_of(reply, 3) == verdict


def test_long_is_what_words_alone_do_not_settle() -> None:
    assert is_short("Paris, the capital of France.")
    assert not is_short(LONG)
    assert not is_short("x" * 500)


async def agreed(
    fleet: DemoFleet,
    answers: dict[str, str | int],
    *,
    judge: str | None = None,
    more: str = "",
    before: Modes | None = None,
    after: Modes | None = None,
) -> tuple[Consensus, list[tuple[str, str]]]:
    """What the models a, b and c come to, and what the server was asked after they had answered."""
    async with Scripted(answers).running() as server:
        config = configured(fleet, server.config_toml(more))
        lanes = lanes_for(("one/a", "one/b", "one/c"), Request(model=""))
        async with Sender(config, "cli") as sender:
            await race(lanes, Prompt.of("Which?"), "Which?", sender, config, before or Modes(), timeout=20.0)
            found = await consensus(lanes, "Which?", sender, config, after or Modes(), judge=judge, timeout=20.0)
        return found, server.prompts[sum(lane.stage is not Stage.SKIPPED for lane in lanes) :]


async def test_short_answers_need_no_judge(fleet: DemoFleet) -> None:
    found, asked = await agreed(fleet, {"a": "Paris", "b": "Rome", "c": "**paris**.", "j": "[[1, 2]]"}, judge="one/j")
    assert asked == []
    assert [group.models for group in found.groups] == [("one/a", "one/c"), ("one/b",)]
    assert found.agreed == Group(("one/a", "one/c"), "Paris")


async def test_who_fails_or_says_nothing_agrees_with_nobody(fleet: DemoFleet) -> None:
    found, _ = await agreed(fleet, {"a": "Paris", "b": 500, "c": " "})
    assert (len(found.groups), found.agreed) == (1, None)
    assert found.share == pytest.approx(1 / 3)


async def test_long_answers_are_the_judges_who_is_not_told_who_said_what(fleet: DemoFleet) -> None:
    other = LONG.upper() + " That is so: [[1, 2, 3]]"
    found, asked = await agreed(fleet, {"a": LONG, "b": other, "c": "the second", "j": "[[1, 2], [3]]"}, judge="one/j")
    ((model, prompt),) = asked
    assert model == "j"
    shown = json.loads(prompt[prompt.index("{") :])
    assert shown == {"question": "Which?", "answers": {"1": LONG, "2": other, "3": "the second"}}
    assert found.agreed == Group(("one/a", "one/b"), LONG)
    assert found.remark == ""


async def test_without_a_judge_long_answers_that_differ_do_not_agree(fleet: DemoFleet) -> None:
    found, _ = await agreed(fleet, {"a": LONG, "b": LONG + "!", "c": LONG + " so"})
    assert [group.models for group in found.groups] == [("one/a", "one/b"), ("one/c",)]
    assert "a judge can tell" in found.remark


@pytest.mark.parametrize(("reply", "words"), [("No idea.", "one group"), (500, "out of order")])
async def test_a_judge_who_does_not_judge_changes_nothing(fleet: DemoFleet, reply: str | int, words: str) -> None:
    found, _ = await agreed(fleet, {"a": LONG, "b": LONG + " so", "c": "x", "j": reply}, judge="one/j")
    assert len(found.groups) == 3
    assert words in found.remark


async def test_a_judge_obeys_the_mode_that_was_on_when_the_answers_were_asked_for(fleet: DemoFleet) -> None:
    cloud = '[models."one/j"]\nwhere = "cloud"\n'
    private = Modes(private=Mode(enabled=True))
    answers: dict[str, str | int] = {"a": LONG, "b": LONG + " so", "c": "x", "j": "[[1, 2, 3]]"}
    for before, after in ((private, Modes()), (Modes(), private)):
        found, asked = await agreed(fleet, answers, judge="one/j", more=cloud, before=before, after=after)
        assert asked == []
        assert found.judge is not None
        assert found.judge.stage is Stage.SKIPPED
        assert found.agreed is None
    found, asked = await agreed(fleet, answers, judge="one/j", more=cloud)
    assert len(asked) == 1
    assert found.agreed is not None
