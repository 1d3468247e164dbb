from coma_cli.formats.fetching.locations import GitHubFiles, HubForm, Listing, RemoteFile, all_of, names_in_words

FILES = (RemoteFile("a/b.json"), RemoteFile("c.json", 3, "f" * 64))


def test_a_location_in_words_names_repository_revision_and_host():
    assert HubForm("o/r", "main", ("*",)).words() == "o/r at main on the Hugging Face Hub"
    assert HubForm("o/r", "main", ("*",)).words("abc") == "o/r at abc on the Hugging Face Hub"
    assert GitHubFiles("o/r", "v1", FILES).words() == "o/r at v1 on GitHub"
    assert HubForm("o/r", "main", ("*.json", "a/*")).expected == "*.json or a/*"
    assert GitHubFiles("o/r", "v1", FILES).expected == "a/b.json, c.json"


def test_addresses_are_those_of_github():
    kinds = {kind: GitHubFiles("o/r", "v1", FILES, kind=kind) for kind in ("raw", "release", "archive")}
    assert kinds["raw"].address(FILES[0]) == "o/r/raw/v1/a/b.json"
    assert kinds["release"].address(FILES[1]) == "o/r/releases/download/v1/c.json"
    (packed,) = kinds["archive"].all_files
    assert (packed.path, kinds["archive"].address(packed)) == ("r-v1.zip", "o/r/archive/v1.zip")
    assert kinds["raw"].all_files == FILES


def test_the_key_follows_what_is_fetched_alone():
    place = HubForm("o/r", "main", ("*",))
    assert place.key == HubForm("o/r", "main", ("*",), about=9).key
    assert len({place.key, HubForm("o/r", "abc", ("*",)).key, HubForm("o/r", "main", ("a",)).key}) == 3


def test_the_size_that_the_catalogue_knows():
    assert (HubForm("o/r", "main", ("*",)).known_size, HubForm("o/r", "main", ("*",), 9).known_size) == (None, 9)
    assert GitHubFiles("o/r", "v1", FILES).known_size == 3
    assert GitHubFiles("o/r", "v1", kind="archive", about=7).known_size == 7
    assert GitHubFiles("o/r", "v1", FILES[:1]).known_size is None


def test_many_names_are_shortened():
    assert names_in_words([]) == "no files"
    assert names_in_words(["a"] * 6) == "a, a, a, a and 2 more"
    assert all_of(Listing("c", FILES)).files == FILES
