import json

from funchost.web.durable.links import Door, InstanceLinks, Webhook, client_binding, webhook_of

WEBHOOK = Webhook("https://app.example", query="code=KEY")
LINKS = InstanceLinks("MyHub", "Storage")
BASE = "https://app.example/runtime/webhooks/durabletask/instances/a1b2"
TARGET = "taskHub=MyHub&connection=Storage&code=KEY"


def test_the_management_payload_has_nine_links_in_the_order_of_the_reference_host():
    assert list(LINKS.management(WEBHOOK, "a1b2").items()) == [
        ("id", "a1b2"),
        ("statusQueryGetUri", f"{BASE}?{TARGET}"),
        ("sendEventPostUri", f"{BASE}/raiseEvent/{{eventName}}?{TARGET}"),
        ("terminatePostUri", f"{BASE}/terminate?reason={{text}}&{TARGET}"),
        ("rewindPostUri", f"{BASE}/rewind?reason={{text}}&{TARGET}"),
        ("purgeHistoryDeleteUri", f"{BASE}?{TARGET}"),
        ("restartPostUri", f"{BASE}/restart?{TARGET}"),
        ("suspendPostUri", f"{BASE}/suspend?reason={{text}}&{TARGET}"),
        ("resumePostUri", f"{BASE}/resume?reason={{text}}&{TARGET}"),
    ]


def test_an_answer_to_a_start_has_no_rewind_link():
    links = LINKS.check_status(Door(WEBHOOK), "a1b2")
    assert list(links) == [name for name in LINKS.management(WEBHOOK, "a1b2") if name != "rewindPostUri"]


def test_an_answer_to_a_start_by_1_x_has_its_six_members():
    assert list(LINKS.check_status(Door(WEBHOOK, legacy=True), "a1b2")) == [
        "id",
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "rewindPostUri",
        "purgeHistoryDeleteUri",
    ]


def test_ids_and_names_are_form_encoded():
    links = InstanceLinks("My Hub", "C&D").management(Webhook("http://localhost:7071"), "a b@c~d!(é)")
    assert links["id"] == "a b@c~d!(é)"
    assert links["statusQueryGetUri"] == (
        "http://localhost:7071/runtime/webhooks/durabletask/instances/a%20b%40c%7Ed!(%C3%A9)"
        "?taskHub=My+Hub&connection=C%26D"
    )


def test_the_flag_for_failures_is_the_last_of_the_status_link_only():
    links = LINKS.management(WEBHOOK, "a1b2", failure_is_500=True)
    assert [name for name, url in links.items() if "returnInternal" in url] == ["statusQueryGetUri"]
    assert links["statusQueryGetUri"].endswith("&code=KEY&returnInternalServerErrorOnFailure=true")


def test_plain_http_is_for_this_machine():
    assert webhook_of("localhost:7071").url == "http://localhost:7071/runtime/webhooks/durabletask"
    assert webhook_of("app.example", key="a/b==").origin == "https://app.example"
    assert webhook_of("app.example", key="a/b==").query == "code=a%2Fb%3D%3D"


def test_a_client_binding_has_the_members_that_client_libraries_read():
    binding = json.loads(client_binding(WEBHOOK, LINKS, rpc_base_url="http://127.0.0.1:17071/durabletask/"))
    base = "https://app.example/runtime/webhooks/durabletask"
    create = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
    assert list(binding.items()) == [
        ("taskHubName", "MyHub"),
        ("connectionName", None),
        (
            "creationUrls",
            {
                "createNewInstancePostUri": f"{create}?code=KEY",
                "createAndWaitOnNewInstancePostUri": (
                    f"{create}?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}&code=KEY"
                ),
            },
        ),
        ("managementUrls", LINKS.management(WEBHOOK, "INSTANCEID")),
        ("baseUrl", base),
        ("requiredQueryStringParameters", "code=KEY"),
        ("rpcBaseUrl", "http://127.0.0.1:17071/durabletask/"),
        ("httpBaseUrl", None),
    ]
