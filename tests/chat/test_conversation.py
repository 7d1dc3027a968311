"""What of a conversation goes along, and that what may not leave keeps all that quotes it at home."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.chat.conversation import OpenConversation, OpenTurn
from tui.chat.prompt import Prompt
from tui.ledger.records import Turn

TEXTS = st.one_of(st.none(), st.sampled_from(["", "  ", "words", "more [/words]"]))


@st.composite
def open_turns(draw: st.DrawFn) -> OpenTurn:
    turn = Turn(
        at=0.0,
        asked_kind="task",
        asked_name="default",
        model="swap/qwen",
        where="local",
        prompt=draw(TEXTS),
        answer=draw(TEXTS),
        private=draw(st.booleans()),
        stayed_home=draw(st.booleans()),
        request=draw(st.one_of(st.none(), st.integers(1, 9))),
    )
    return OpenTurn(turn, left_out=draw(st.booleans()))


CONVERSATIONS = st.lists(open_turns(), max_size=6).map(lambda turns: OpenConversation(tuple(turns), number=1))


@given(CONVERSATIONS)
def test_prompts_and_answers_alternate_and_none_is_empty(conversation: OpenConversation) -> None:
    messages = conversation.messages
    assert [message.role for message in messages] == ["user", "assistant"] * (len(messages) // 2)
    assert all(message.text for message in messages)
    assert all(message.text.strip() for message in messages[1::2])


@given(CONVERSATIONS)
def test_leaving_out_what_confines_lets_the_rest_go_anywhere(conversation: OpenConversation) -> None:
    free = conversation.leaving_out(conversation.confining, out=True)
    assert not free.is_private
    assert not free.stays_home("local")
    lost = {one.turn.private or one.turn.stayed_home for one in conversation.carried} - {False}
    assert bool(lost) == (len(free.carried) < len(conversation.carried))


@given(CONVERSATIONS)
def test_what_is_sent_is_private_where_a_private_turn_is_part_of_it(conversation: OpenConversation) -> None:
    assert conversation.is_private == any(one.turn.private for one in conversation.carried)
    assert bool(conversation.stays_home("local")) == any(one.turn.stayed_home for one in conversation.carried)
    assert not conversation.stays_home("all")


@given(CONVERSATIONS.filter(lambda one: bool(one.turns)), st.data())
def test_a_turn_written_anew_is_as_private_as_it_was(conversation: OpenConversation, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(conversation.turns) - 1))
    branch = conversation.before(place)
    assert branch.turns == conversation.turns[:place]
    assert (branch.number, branch.branch_of) == (None, 1)
    assert branch.is_private or not conversation.turns[place].turn.private
    answered = branch.with_turn(OpenTurn(conversation.turns[place].turn), 2)
    assert answered.replaced is None
    assert (answered.number, len(answered.turns)) == (2, place + 1)


def test_a_program_gets_one_text_that_names_who_spoke() -> None:
    turn = Turn(
        at=0.0, asked_kind="task", asked_name="default", model="swap/qwen", where="local", prompt="one?", answer="1"
    )
    first = Prompt.of("two?", system="Be brief.")
    prompt = Prompt((*OpenConversation((OpenTurn(turn),)).messages, *first.messages), first.system)
    assert prompt.as_text() == "Be brief.\n\nUser: one?\n\nAssistant: 1\n\nUser: two?"
