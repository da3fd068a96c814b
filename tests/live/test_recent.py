from __future__ import annotations

from actcore.live.recent import Recent


def filled(recent: Recent[str], *names: str, n_bytes: int = 10) -> Recent[str]:
    for name in names:
        recent.put(name, name.upper(), n_bytes)
    return recent


def there(recent: Recent[str], names: str) -> str:
    return "".join(name for name in names if recent.get(name) is not None)


def test_what_was_put_in_comes_back() -> None:
    recent = filled(Recent(most_bytes=100), "a")
    assert (recent.get("a"), recent.get("b")) == ("A", None)


def test_what_was_unused_the_longest_is_dropped_above_the_bytes() -> None:
    recent = filled(Recent(most_bytes=30), "a", "b", "c")
    recent.get("a")
    filled(recent, "d")
    assert there(recent, "abcd") == "acd"
    assert recent.n_bytes == 30


def test_what_was_unused_the_longest_is_dropped_above_the_number() -> None:
    recent = filled(Recent(most_bytes=1000, most=2), "a", "b", "c")
    assert there(recent, "abc") == "bc"
    assert len(recent) == 2


def test_the_last_one_stays_however_large_it_is() -> None:
    recent = filled(Recent(most_bytes=30), "a", "b")
    filled(recent, "c", n_bytes=31)
    assert there(recent, "abc") == "c"


def test_a_value_put_in_anew_takes_the_place_of_the_old() -> None:
    recent = filled(Recent(most_bytes=30), "a", "b")
    recent.put("a", "new", 5)
    assert (recent.get("a"), recent.n_bytes, len(recent)) == ("new", 15, 2)


def test_dropped_values_count_no_more() -> None:
    recent = filled(Recent(most_bytes=30), "a", "b")
    recent.drop("a")
    recent.drop("never there")
    assert (there(recent, "ab"), recent.n_bytes) == ("b", 10)
    recent.clear()
    assert (len(recent), recent.n_bytes) == (0, 0)
