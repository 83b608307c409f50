"""Publications without personal data: how they are asked for, and what never gets into them."""

from pathlib import Path

import pytest
from click import ClickException
from small_warehouse import DAY, calculate, make, query, raise_alerts

from orchestration.base import progress
from orchestration.base.settings import Settings
from orchestration.publishing import profiles, publication
from orchestration.publishing.personal_data import Mark, published_columns
from orchestration.publishing.profiles import Profile, key_of_rows, profiles_from_environment
from orchestration.publishing.publication import publish
from orchestration.warehouse.connections import writing

SECRET = "a secret that nobody knows"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HEALTH_PUBLISH_PROFILES", "bi=without, team=pseudonyms")
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY", SECRET)
    settings = make(tmp_path)
    raise_alerts(settings, DAY, "a1", "a2")
    return settings


def file_of(settings: Settings, name: str) -> Path:
    return settings.published.with_name(f"published-{name}") / "account_health.duckdb"


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("bi", "'bi'"),
        ("bi=nothing", "`without` or `pseudonyms`"),
        ("../up=without", "small letters"),
        ("bi=without,bi=pseudonyms", "twice"),
        ("bi=without,", "''"),
        ("team=pseudonyms", "HEALTH_PSEUDONYM_KEY_FILE"),
    ],
)
def test_a_wrong_setting_is_told_in_words(
    asked: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_PUBLISH_PROFILES", asked)
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY", "short")
    with pytest.raises(ClickException, match="HEALTH_P") as refusal:
        profiles_from_environment()
    assert words in refusal.value.message
    assert "short" not in refusal.value.message


def test_the_key_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PUBLISH_PROFILES", "team=pseudonyms")
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(ClickException, match="No such file"):
        profiles_from_environment()
    (tmp_path / "key").write_text(SECRET + "\n")
    assert profiles_from_environment() == [Profile("team", "pseudonyms")]
    assert profiles.pseudonym_key() == SECRET.encode()
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY", SECRET)
    with pytest.raises(ClickException, match="keep one"):
        profiles_from_environment()


def test_only_what_changed_is_rewritten(settings: Settings) -> None:
    for run in ("run-1", "run-2"):
        publish(settings, run, DAY, DAY)
    calculate(settings, DAY, "poor")
    publish(settings, "run-3", DAY, DAY)
    for name in ("bi", "team"):
        [written] = query(
            file_of(settings, name),
            """
            select
                count(*) filter (published_at = (select published_at from health.publication)),
                count(*)
            from health.publication_partitions
            where table_name = 'account_health_history'
            """,
        )
        assert written == (1, 3)
        rows = "from health.account_health_history order by all"
        assert query(file_of(settings, name), rows) == query(settings.published_file, rows)


def test_what_nobody_described_is_left_out(settings: Settings) -> None:
    with writing(settings) as warehouse:
        warehouse.execute("create table health.of_the_house (name varchar)")
        warehouse.execute("create view health.look as select 'Kim' as name")
        warehouse.execute("alter table health.account_churn add column born date")
        warehouse.execute("update health.account_churn set born = date '1980-01-01'")
    publish(settings, "run", DAY, DAY)
    file = file_of(settings, "bi")
    tables = {row[0] for row in query(file, "select table_name from duckdb_columns()")}
    assert not tables & {"of_the_house", "look"}
    assert query(file, "select distinct born from health.account_churn") == [(None,)]
    assert query(file, "describe health.account_churn")[2][:2] == ("born", "DATE")


def test_a_column_that_is_marked_later_leaves_nothing_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted rows stay in the bytes of a DuckDB file, so it is begun again."""
    columns = published_columns()
    before = {**columns, "account_churn": dict.fromkeys(columns["account_churn"])}
    after = {**before, "account_churn": {"account_id": None, "account_name": Mark("person")}}
    for marks, is_there in ((before, True), (after, False)):
        monkeypatch.setattr(profiles, "published_columns", lambda marks=marks: marks)
        publish(settings, "run", DAY, DAY)
        folder = file_of(settings, "bi").resolve().parent
        assert (b"Account <1>" in bytes_of(folder)) == is_there


def test_another_key_gives_other_pseudonyms_and_leaves_none_of_the_previous(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = "select distinct csm_email from health.health_alerts"
    publish(settings, "run-1", DAY, DAY)
    [(previous,)] = query(file_of(settings, "team"), sql)
    monkeypatch.setenv("HEALTH_PSEUDONYM_KEY", "another secret of the house")
    publish(settings, "run-2", DAY, DAY)
    [(latter,)] = query(file_of(settings, "team"), sql)
    assert len(previous) == len(latter) == 24
    assert previous != latter
    assert previous.encode() not in bytes_of(file_of(settings, "team").resolve().parent)


def test_a_profile_that_cannot_be_published_keeps_nobody_else_waiting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(settings, "run-1", DAY, DAY)
    blocked = settings.published.with_name("published-bi") / ".generations"
    aside = blocked.rename(blocked.with_name("aside"))
    blocked.write_text("in the way")
    calculate(settings, DAY, score=3.0)
    publication = publish(settings, "run-2", DAY, DAY)
    [note] = publication.notes
    assert "published-bi could not be brought up to date" in note
    of_run = "select run_id from health.publication"
    assert query(settings.published_file, of_run) == [("run-2",)]
    assert query(file_of(settings, "team"), of_run) == [("run-2",)]

    blocked.unlink()
    aside.rename(blocked)
    assert publish(settings, "run-3", DAY, DAY).notes == ()
    assert query(file_of(settings, "bi"), of_run) == [("run-3",)]


def test_a_damaged_note_of_what_is_hidden_begins_again(settings: Settings) -> None:
    publish(settings, "run-1", DAY, DAY)
    noted = file_of(settings, "bi").resolve().with_name(publication.IDENTITY)
    noted.write_bytes(b"\xff" + noted.read_bytes()[1:])
    publish(settings, "run-2", DAY, DAY)
    assert query(file_of(settings, "bi"), "select run_id from health.publication") == [("run-2",)]


def test_no_file_holds_a_key(settings: Settings) -> None:
    publish(settings, "run", DAY, DAY)
    row_key = key_of_rows(settings)
    assert key_of_rows(settings) == row_key
    assert (settings.state / "row_key").stat().st_mode & 0o777 == 0o600
    for name in ("bi", "team"):
        content = bytes_of(file_of(settings, name).parent)
        assert SECRET.encode() not in content
        assert row_key not in content
    assert SECRET.encode() not in bytes_of(settings.published)


@pytest.mark.parametrize("left", [b"", b"0123abc"])
def test_a_secret_that_was_cut_off_is_rebuilt(tmp_path: Path, left: bytes) -> None:
    """Hashes of an empty one could be found out by trying."""
    settings = Settings(tmp_path / "raw", tmp_path / "warehouse.duckdb")
    settings.state.mkdir()
    (settings.state / "row_key").write_bytes(left)
    key = key_of_rows(settings)
    assert len(key) == 64
    assert key_of_rows(settings) == key


@pytest.mark.parametrize("name", ["bi", "team"])
def test_texts_from_before_a_signal_became_a_number_are_hidden(
    settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ["7", "-1.5", "1e-06", ".5", "true", "False", "1|2.5|3"]
    texts = ["Kim", "nan", "kim@example.com", "+49 151 1", "1|Kim", "", "7\nKim"]
    with writing(settings) as warehouse:
        warehouse.execute(
            """
            create schema configuration;
            create table configuration.config_signals (signal_id varchar, value_type varchar);
            insert into configuration.config_signals values ('seats', 'number');
            create table health.told (signal_id varchar, observed varchar);
            """
        )
        warehouse.execute(
            "insert into health.told select 'seats', unnest(?::varchar[])", [shown + texts]
        )
    columns = {"told": {"signal_id": None, "observed": Mark("signal_value")}}
    monkeypatch.setattr(profiles, "published_columns", lambda: {**published_columns(), **columns})
    publish(settings, "run", DAY, DAY)
    seen = query(file_of(settings, name), "select observed from health.told")
    assert sorted(value for (value,) in seen if value is not None) == sorted(shown)
    assert len(seen) == len(shown + texts)


def test_properties_that_are_booleans_stay_readable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts may name somebody; true and false, and which tags are on, do not."""
    with writing(settings) as warehouse:
        warehouse.execute(
            """
            create table health.told (property_id varchar, value_type varchar, value_text varchar);
            insert into health.told values
                ('is_seasonal', 'boolean', 'true'), ('tag:vip', 'boolean', 'true'),
                ('csm_email', 'text', 'kim@example.com'), ('note', 'text', 'true');
            """
        )
    columns = {
        "told": {"property_id": None, "value_type": None, "value_text": Mark("signal_value")}
    }
    monkeypatch.setattr(profiles, "published_columns", lambda: {**published_columns(), **columns})
    publish(settings, "run", DAY, DAY)
    shown = "select property_id, value_text from health.told order by property_id"
    assert query(file_of(settings, "bi"), shown) == [
        ("csm_email", None),
        ("is_seasonal", "true"),
        ("note", None),
        ("tag:vip", "true"),
    ]


def test_an_erasure_deletes_former_profiles_of_this_installation_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one beside it may publish in a folder whose name begins the same."""
    publish(settings, "run-1", DAY, DAY)
    other = Settings(settings.raw, settings.warehouse, settings.published.with_name("published-eu"))
    publish(other, "run-1", DAY, DAY)
    with writing(settings) as warehouse:
        warehouse.execute("create table operations.erasures (list_hash varchar, step varchar)")
        warehouse.execute("insert into operations.erasures values ('of a list', 'written')")
    monkeypatch.setenv("HEALTH_PUBLISH_PROFILES", "team=pseudonyms")
    notes = []
    with progress.listening(lambda step: notes.append(step.note)):
        publish(settings, "run-2", DAY, DAY)
    folder = file_of(settings, "bi").parent
    assert not folder.exists()
    assert [note for note in notes if note.startswith(f"Deleted {folder}: ")]
    for name in ("team", "eu-bi", "eu-team"):
        assert query(file_of(settings, name), "select count(*) from health.publication") == [(1,)]
