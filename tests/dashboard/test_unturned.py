import pytest
from django.template import engines
from django.test import Client

from dashboard.unturned import unturned
from tests.dashboard.people import make_person

TURNED = "evil\u202egnp.exe"


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        (f"<p>{TURNED}</p>", "<p>evil\\u202egnp.exe</p>"),
        (f'<a title="{TURNED}">', '<a title="evil\\u202egnp.exe">'),
        (f'<input value="{TURNED}"> {TURNED}', f'<input value="{TURNED}"> evil\\u202egnp.exe'),
        (f'<textarea name="x">{TURNED}</textarea>', f'<textarea name="x">{TURNED}</textarea>'),
        ("<p>שלום</p>", "<p>שלום</p>"),
    ],
)
def test_an_override_is_shown_but_in_fields_which_send_back_what_they_hold(html, shown):
    assert unturned(html) == shown


def test_a_value_cannot_close_its_field_to_turn_what_follows():
    template = engines.all()[0].from_string('<input value="{{ text }}"><b>{{ text }}</b>')

    html = template.render({"text": f'">{TURNED}'})

    assert html.count(TURNED) == 1
    assert html.endswith("evil\\u202egnp.exe</b>")


def test_saving_a_form_leaves_what_was_not_touched(db):
    person = make_person("viewer")
    person.first_name = TURNED
    person.save()
    client = Client()
    client.force_login(make_person("administrator"), backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(f"/settings/people/{person.key}/").text

    assert f'value="{TURNED}"' in page
