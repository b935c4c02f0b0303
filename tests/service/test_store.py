from pathlib import Path
from typing import Literal

import pytest

from funchost.errors import ConfigError
from funchost.service.store import choose_store
from funchost.settings import Settings


def settings(
    storage: Literal["auto", "embedded", "azure"] = "auto", app_settings: dict[str, str] | None = None
) -> Settings:
    return Settings(Path("/app"), Path("/app/.funchost"), storage=storage, app_settings=app_settings or {})


def test_without_a_connection_the_embedded_store_is_named_with_its_place():
    store = choose_store(settings())
    assert store.kind == "embedded"
    assert "/app/.funchost" in store.sentence
    assert not store.is_surprise


@pytest.mark.parametrize(
    "given",
    [
        {"azurewebjobsstorage": "UseDevelopmentStorage=true"},
        {"azurewebjobsstorage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=secret"},
        {"azurewebjobsstorage:accountname": "a"},
    ],
)
def test_a_connection_that_is_not_used_is_named_without_its_value(given: dict[str, str]):
    store = choose_store(settings(app_settings=given))
    assert store.is_surprise
    assert "AzureWebJobsStorage is not used" in store.sentence
    assert "secret" not in store.sentence


def test_who_asks_for_the_embedded_store_is_not_surprised_by_it():
    assert not choose_store(settings("embedded", {"azurewebjobsstorage": "UseDevelopmentStorage=true"})).is_surprise


def test_a_store_that_there_is_not_is_refused_with_the_remedy():
    with pytest.raises(ConfigError, match=r"--storage azure.*--storage embedded"):
        choose_store(settings("azure"))
