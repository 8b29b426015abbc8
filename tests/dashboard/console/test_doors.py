"""Who gets in, and what those see who do not."""

from django.test import Client

from tests.dashboard.people import make_person


def test_the_login_page_tells_nothing_about_the_cloud(inventory):
    inventory.cloud.name = "prod-frankfurt"
    inventory.cloud.save()
    make_person("operator")

    page = Client().get("/login/").text

    assert "Log in" in page
    assert "prod-frankfurt" not in page


def test_a_page_without_a_login_leads_to_the_door_and_back(inventory):
    answer = Client().get("/hosts/?state=down")

    assert answer.status_code == 302
    assert answer["Location"] == "/login/?next=%2Fhosts%2F%3Fstate%3Ddown"


def test_a_wrong_password_is_said_and_the_name_stays(db):
    make_person("operator")

    page = Client().post("/login/", {"username": "operator", "password": "wrong"}).text

    assert "do not belong together" in page
    assert 'value="operator"' in page


def test_too_many_wrong_passwords_lock_the_door_and_say_for_how_long(db, settings):
    settings.AXES_FAILURE_LIMIT = 3
    client = Client()
    for _ in range(3):
        answer = client.post("/login/", {"username": "operator", "password": "wrong"})

    assert answer.status_code == 429
    assert "Wait 5 minutes" in answer.text


def test_a_tenant_is_told_that_this_is_not_their_console_and_can_log_out(tenant, inventory):
    answer = tenant.get("/")

    assert answer.status_code == 403
    assert "for the people who run the cloud" in answer.text
    assert 'action="/logout/"' in answer.text
    assert "kvm1" not in answer.text


def test_logging_out_needs_a_press_not_a_link(operator):
    assert operator.get("/logout/").status_code == 405
    assert operator.post("/logout/").status_code == 302
    assert operator.get("/").status_code == 302


def test_a_page_that_is_not_there_says_so_and_names_the_request(operator):
    answer = operator.get("/hosts/00000000-0000-4000-8000-000000000000/")

    assert answer.status_code == 404
    assert answer["X-Request-ID"] in answer.text


def test_pages_allow_no_script_or_style_but_our_own_files(operator, inventory):
    answer = operator.get("/")

    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert answer.text.count("<script") == answer.text.count("<script src=")
    assert " onclick=" not in answer.text
