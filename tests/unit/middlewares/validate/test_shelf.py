from discovery.model.instance import Instance
from discovery.view.view import Entry, View
from middlewares.validate.deciding.documents import Document
from middlewares.validate.shelf import Kept, Shelf
from middlewares.version_ranges import parse_range


def entry(name: str, version: str | None, url: object = "/o", *, draining: bool = False) -> Entry:
    metadata = {} if url is None else {"openapi_url": url}
    one = Instance("orders", name, "127.0.0.1", 9000, metadata=metadata, version=version)
    return Entry(one, 0, draining=draining)


def shelf_of(*entries: Entry) -> tuple[Shelf, dict[str, Document]]:
    view = View(services={"orders": {one.key: one for one in entries}})
    shelf = Shelf(lambda: view)
    documents = {}
    for version in ("1.0.0", "2.0.0"):
        documents[version] = Document("3.1.0")
        shelf.kept["orders", version] = Kept({False: documents[version]})
    return shelf, documents


def test_the_versions_are_those_that_a_request_may_get() -> None:
    shelf, documents = shelf_of(entry("i1", "1.0.0"), entry("i2", "2.0.0"), entry("i3", "2.0.0"))
    found = shelf.of("orders", (), formats=False)
    assert [one.document for one in found] == [documents["1.0.0"], documents["2.0.0"]]
    found = shelf.of("orders", (parse_range("2"),), formats=False)
    assert [one.document for one in found] == [documents["2.0.0"]]
    assert shelf.of("orders", (parse_range("3"),), formats=False) == []
    assert shelf.of("others", (), formats=False) == []


def test_a_version_without_a_document_takes_everything() -> None:
    shelf, documents = shelf_of(entry("i1", "1.0.0"), entry("i2", "2.0.0", None), entry("i3", None))
    found = {one.version: one.document for one in shelf.of("orders", (), formats=False)}
    assert found == {"1.0.0": documents["1.0.0"], "2.0.0": None, None: None}


def test_an_instance_that_drains_does_not_count() -> None:
    shelf, _ = shelf_of(entry("i1", "1.0.0", draining=True), entry("i2", "2.0.0"))
    assert [one.version for one in shelf.of("orders", (), formats=False)] == ["2.0.0"]


def test_a_document_that_is_compiled_in_another_way_is_none() -> None:
    shelf, _ = shelf_of(entry("i1", "1.0.0"))
    assert [one.document for one in shelf.of("orders", (), formats=True)] == [None]


def test_what_is_found_is_kept_until_something_changes() -> None:
    shelf, documents = shelf_of(entry("i1", "1.0.0"))
    before = shelf.of("orders", (), formats=False)
    assert shelf.of("orders", (), formats=False) is before
    shelf.kept.clear()
    shelf.changed()
    assert [one.document for one in shelf.of("orders", (), formats=False)] == [None]
    assert documents


def test_an_answer_has_the_document_of_its_instance() -> None:
    shelf, documents = shelf_of(entry("i1", "1.0.0"), entry("i2", "2.0.0"))
    assert shelf.of_instance("orders", "i2", formats=False) is documents["2.0.0"]
    assert shelf.of_instance("orders", "gone", formats=False) is None
