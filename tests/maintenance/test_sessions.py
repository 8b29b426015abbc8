"""An engine refuses a database address that does not give sessions."""

import pytest

from maintenance.sessions import SharedSessions, refuse_shared_sessions


class Pooled:
    """A connection through a pooler in transaction mode with one server process."""

    def backend(self) -> int:
        return 4711

    def begin(self) -> None: ...

    def end(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.django_db(transaction=True)
def test_postgresql_itself_gives_sessions():
    refuse_shared_sessions()


def test_a_pooler_in_transaction_mode_is_refused_with_what_to_do():
    with pytest.raises(SharedSessions, match=r"transaction mode.*session mode"):
        refuse_shared_sessions(Pooled)
