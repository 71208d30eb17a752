"""The one owner of what a page shows: the view, in the session and in the address bar.

Widgets hold the fields of the view under the keys that `hold` gives them. The view is read from
the link when a page is opened by one, or by Back and Forward, and nowhere else; it is written to
the link once a run, so that what a user did is one entry of the browser's history.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from simviz_ui.components.address import replace_address
from simviz_ui.display.exports import exports_of
from simviz_ui.display.messages import as_markdown
from simviz_ui.serving.logs import logged_run
from simviz_ui.serving.turns import TURNS
from simviz_ui.view import DEFAULTS, DISPLAY, PAGES, SHARED, Link, View, as_link, from_link

P = ParamSpec("P")
Result = TypeVar("Result")
PAIR_PAGE, SEARCH_PAGE, ERRORS_PAGE = "pair", "search", "errors"


@dataclass
class _Session:
    """What a session shows.

    Attributes:
        page: The page that is open, as its address has it.
        view: What it shows.
        views: What other pages showed last.
        widgets: The key of the widget that holds a field, and what it shows for None; of those
            that this run has made.
        own: The key of the widget that holds a field, and what the page has shown there of its own
            accord: the last of it, and before that what the browser may still hold, since no run
            has come to its end that would have told it.
        made: The fragment that made a field's widget, None for the page, and what it showed then.
        older: Values that the browser sent for widgets that cannot have been changed.
        older_of: The run in which it did.
        to_show: Fields that a link or a button has set since their widgets were made.
        linked: Those of them that came with a link.
        notes: What became of the link, by field: the message, and what is shown instead.
        problems: What of the link was not understood.
        link: What the address bar says. What the browser sends with a run may be older.
        replaced: The replacement that made it say so; 0 where it was an entry of the history.
        replaced_in: The run that gave it to the browser last.
        is_entered: Whether the page has been opened since the link was written.
        clicked: The page that a click asked for, "" for the same one; None when there was no click.
        is_kept_view: Whether that page shows a view that was kept, of which parts may be gone.
        steps: Of each counter of steps, how many times it was touched, and the sum of its steps.
    """

    page: str | None = None
    view: View = DEFAULTS
    views: dict[str, View] = field(default_factory=dict)
    widgets: dict[str, tuple[str, Any]] = field(default_factory=dict)
    own: dict[str, tuple[str, tuple[Any, ...]]] = field(default_factory=dict)
    made: dict[str, tuple[str | None, Any]] = field(default_factory=dict)
    older: dict[str, Any] = field(default_factory=dict)
    older_of: Any = None
    to_show: set[str] = field(default_factory=set)
    linked: set[str] = field(default_factory=set)
    notes: dict[str, tuple[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    link: str = ""
    replaced: int = 0
    replaced_in: Any = None
    is_entered: bool = True
    clicked: str | None = None
    is_kept_view: bool = False
    steps: dict[str, tuple[int, int]] = field(default_factory=dict)


EXPLICIT = ("query", "match", "run", "class", "checkpoint_part", "against")
"""Fields that a link always names: what a page would choose depends on what is on disk."""


def _session() -> _Session:
    return st.session_state.setdefault("simviz_session", _Session())


def enter(page: str) -> None:
    """Find out what a page is to show; once a run, before its first widget.

    A link says it when the session begins, and after Back and Forward. Whoever comes from another
    page brings along what is shared, and finds the rest as it was left.

    Args:
        page: The last part of the page's address.
    """
    session, context = _session(), get_script_run_ctx()
    if session.clicked and session.clicked != page:
        _switch(session.clicked)
    session.clicked = None  # once the page is there: a run may end before it has switched
    is_link = session.page is None or bool(context and context.is_history_navigation)
    if not is_link and session.page == page:
        _pass_over_older_again()
        _keep_at_once()
        session.widgets = {}
        return
    if session.page is not None:
        # As it was kept last: of a widget that is gone Streamlit may tell what it first showed.
        session.views[session.page] = session.view
    if is_link:
        link = {name: st.query_params.get_all(name) for name in st.query_params}
        session.link, session.replaced = context.query_string if context else "", 0
        read, session.problems = from_link(link, page)
        shown = {name: read[name] for name in PAGES[page]}
        session.linked = set(PAGES[page])
    else:
        shown = {name: session.view[name] for name in SHARED}
        session.problems = []
        session.linked = set(PAGES[page]) if session.is_kept_view else set()
    session.is_kept_view = False
    brought = {name: session.view[name] for name in SHARED}
    session.view = session.views.get(page, DEFAULTS).with_fields(brought | shown)
    session.page, session.is_entered = page, True
    session.widgets, session.own, session.notes = {}, {}, {}
    session.to_show = set(PAGES[page])
    if not is_link:
        # What is known already, so that a reload finds it before the page is complete.
        _replace_link(as_link(session.view, page))


def view() -> View:
    """What is shown, as far as it has been chosen up to now."""
    keep_choices()
    return _session().view


def step(name: str, take: Callable[[Any, int], Any], steps: int) -> None:
    """Step from what was chosen last to another; for callbacks.

    A browser that has not heard yet of a choice that a button made sends the one before it with
    the next click. What the widgets hold, and so what `view` gives, is then that one.

    Args:
        name: The field.
        take: Makes the new value of the old one and the number of steps.
        steps: How many, back where that is negative.
    """
    choose(**{name: take(_session().view[name], steps)})


def step_on(
    counter: str, touches: int, total: int, name: str, take: Callable[[Any, int], Any]
) -> None:
    """Take the steps that a counter has come on since it was heard last.

    Args:
        counter: Its name.
        touches: How many times it was touched: of two that come at once, the later has more.
        total: The sum of all its steps.
        name: The field.
        take: As for `step`.
    """
    session = _session()
    before, sum_before = session.steps.get(counter, (0, 0))
    if touches > before:
        session.steps[counter] = touches, total
        step(name, take, total - sum_before)


def hold(
    name: str,
    default: Any = None,
    options: Sequence[Any] | None = None,
    key: str | None = None,
    instead: str = "",
) -> dict[str, Any]:
    """Have a field of the view held by a widget; right before the widget is made.

    Args:
        name: The field, as links name it.
        default: What the widget shows where the view leaves it to the page; None takes the view's
            default.
        options: What the widget offers, where it offers no more than that.
        key: Of the widget, where several kinds of widgets hold the field in turn.
        instead: What to say where a link names something that is not offered: a sentence with
            `{asked}` and `{shown}`.

    Returns:
        Arguments for the widget: its key, and that what it shows is told to the browser again
        where a run that was cut short kept it from hearing.
    """
    session, key = _session(), key or name
    default = DEFAULTS[name] if default is None else default
    own_key, own = session.own.get(name, (key, ()))
    own = own if own_key == key else ()
    session.widgets[name] = key, default
    is_held = key in st.session_state and _as_value(st.session_state[key]) in own
    if is_held and any(value != _as_value(default) for value in own):
        # Nobody has chosen otherwise, and what the page would choose is another now, or was another
        # when the browser heard of it last.
        st.session_state[key] = default
    session.own[name] = key, (*own, _as_value(default))
    if name in session.to_show or key not in st.session_state:
        value = session.view[name]
        value = default if value is None else value
        offered = _offered(name, value, default, options)
        if offered != value and name in session.linked and instead:
            session.notes[name] = instead.format(asked=value, shown=offered), offered
        st.session_state[key] = list(offered) if _is_list(name, offered) else offered
        session.to_show.discard(name)
        session.linked.discard(name)
    elif options is not None:
        # What is held may be of another gallery or network.
        held = st.session_state[key]
        if (offered := _offered(name, held, default, options)) != held:
            st.session_state[key] = offered
    session.made[name] = ThreadState.get().fragment_id, st.session_state[key]
    return {"key": key, "persist_state": "page"}


def _offered(name: str, value: Any, default: Any, options: Sequence[Any] | None) -> Any:
    """What of a value is on offer; the default where that is nothing."""
    if options is None:
        return value
    if isinstance(value, (tuple, list)) and not name.startswith("iterations"):
        return type(value)(item for item in value if item in options)
    return value if value in options else default


def _as_value(held: Any) -> Any:
    """What a widget holds, as the view has it."""
    return tuple(held) if isinstance(held, list) else held


def _is_list(name: str, value: Any) -> bool:
    """Whether a widget holds a field as a list, and not as a tuple of two ends."""
    return isinstance(value, tuple) and not name.startswith("iterations")


def wanted(name: str, key: str | None = None) -> Any:
    """What a widget that is not made yet is going to show; None leaves it to the page."""
    session = _session()
    if name in session.to_show or (key or name) not in st.session_state:
        return session.view[name]
    return st.session_state[key or name]


def say_instead(name: str, message: str, shown: Any) -> None:
    """Say above the page what became of a field of the link, for as long as it shows that."""
    _session().notes[name] = message, shown


def was_shown(name: str) -> None:
    """Say that a field that no widget holds is shown as the link has it."""
    session = _session()
    session.linked.discard(name)
    session.to_show.discard(name)


def choose_instead(name: str, value: Any) -> None:
    """Choose something else than what is not there; before the field's widget is made."""
    session = _session()
    session.view = session.view.with_fields({name: value})
    session.to_show.add(name)


def came_with_link(name: str) -> bool:
    """Whether a field was set by the link, and its widget has not been made since."""
    return name in _session().linked


def keep_choices() -> None:
    """Take what the widgets hold over into the view."""
    _pass_over_older()
    session = _session()
    held = {}
    for name, (key, default) in session.widgets.items():
        if key not in st.session_state or name in session.to_show:
            continue
        value = _as_value(st.session_state[key])
        own_key, own = session.own[name]
        own = ("", *(own if own_key == key else (_as_value(default),)))
        is_own = DEFAULTS[name] is None and name not in EXPLICIT and value in own
        held[name] = None if is_own else value
    session.view = session.view.with_fields(held)


def is_choice(name: str) -> bool:
    """Whether a widget's callback comes of a choice, not of an older value sent with a fragment.

    Args:
        name: The field that the widget chooses. A fragment's run is no choice of one outside it.
    """
    context, made = get_script_run_ctx(), _session().made.get(name)
    running = context.fragment_ids_this_run if context else None
    return not running or (made is not None and made[0] in running)


def _pass_over_older() -> None:
    """While a fragment runs, let widgets outside it hold what they showed.

    The browser sends what all widgets hold with every run. What has just been chosen by a button
    or an upload it may not have heard of yet, while a fragment is already run by its timer: then it
    sends older values, which nobody has chosen. Only a fragment's own widgets can have changed.
    """
    session, context = _session(), get_script_run_ctx()
    if context is None or not context.fragment_ids_this_run:
        return
    if session.older_of is not context.cursors:  # which every run has a new one of
        session.older, session.older_of = {}, context.cursors
    for name, (key, _) in session.widgets.items():
        fragment, shown = session.made[name]
        if fragment in context.fragment_ids_this_run or key not in st.session_state:
            continue
        if name not in session.to_show and st.session_state[key] != shown:
            session.older[name] = st.session_state[key]
            st.session_state[key] = shown


def _pass_over_older_again() -> None:
    """Do the same in the run of the page that the fragment asked for.

    A timer that went off in the meantime brings the same older values along.
    """
    session = _session()
    older, session.older = session.older, {}
    for name, value in older.items():
        if name in session.widgets and name not in session.to_show:
            key, (_, shown) = session.widgets[name][0], session.made[name]
            if key in st.session_state and st.session_state[key] == value:
                st.session_state[key] = shown


def choose(**fields: Any) -> None:
    """Choose something by a button; for callbacks. The whole page is run for it.

    Args:
        fields: Fields of the view, as links name them.
    """
    session = _session()
    remember(**fields)
    session.to_show |= fields.keys()
    if session.clicked is None:
        session.clicked = ""


def remember(**fields: Any) -> None:
    """Change fields of the view that no widget holds."""
    keep_choices()
    session = _session()
    session.view = session.view.with_fields(fields)


def open_page(page: str, **fields: Any) -> None:
    """Have another page opened; for callbacks.

    Args:
        page: One of `PAGES`.
        fields: What it is to show, as links name it, besides what is shared already and what it
            showed last.
    """
    session = _session()
    choose(**{name: value for name, value in fields.items() if name in SHARED})
    own = {name: value for name, value in fields.items() if name not in SHARED}
    session.views[page] = session.views.get(page, DEFAULTS).with_fields(own)
    session.clicked = page


def open_view(page: str, shown: View) -> None:
    """Have a view opened that was kept, as its link would; for callbacks.

    Args:
        page: One of `PAGES`.
        shown: What it is to show. What of it is gone is said above the page.
    """
    open_page(page, **{name: shown[name] for name in PAGES[page]})
    _session().is_kept_view = True


def _follow_click() -> None:
    """Do what a click asked for; first thing in every fragment, also one that a timer runs.

    A click runs the fragment alone, but another choice or another page needs the whole page run.
    """
    keep_choices()
    session = _session()
    if session.clicked is not None and _is_fragment_run():
        st.rerun()


def fragment(
    run_every: float | None = None,
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """What is run on its own, by its widgets or by a timer, and does what a click asked for first.

    Every fragment of the pages is one: a timer's brings along what the widgets held when the
    browser heard of them last.

    Args:
        run_every: Seconds between the timer's runs; None for no timer.
    """

    def made(show: Callable[P, None]) -> Callable[P, None]:
        @st.fragment(run_every=run_every)
        @wraps(show)
        def shown(*args: P.args, **kwargs: P.kwargs) -> None:
            _follow_click()
            show(*args, **kwargs)

        return shown

    return made


def page_fragment(show: Callable[P, None]) -> Callable[P, None]:
    """A fragment of a page: its controls run it alone, and what they choose goes into the link."""

    @fragment()
    @wraps(show)
    def shown(*args: P.args, **kwargs: P.kwargs) -> None:
        with exports_of(show.__qualname__), TURNS.click(), _logged_if_alone():
            show(*args, **kwargs)
        if _is_fragment_run():
            keep_link()

    return shown


def _logged_if_alone() -> AbstractContextManager[None]:
    return logged_run(_session().page or "") if _is_fragment_run() else nullcontext()


def keep_link() -> None:
    """Write what is shown into the address bar; last thing in a run.

    What the user did is an entry of the browser's history; what only completes the link of a page
    that was opened, or changes how maps are shown, is none.
    """
    _write_link()
    _say_link_again()
    _forget_older_own()


def _forget_older_own() -> None:
    """Note that the browser is told of what the widgets of this run show."""
    session, context = _session(), get_script_run_ctx()
    running = context.fragment_ids_this_run if context else None
    for name, (key, own) in session.own.items():
        if not running or session.made[name][0] in running:
            session.own[name] = key, own[-1:]


def _write_link() -> None:
    """Write what is shown into the address bar, where it is something else."""
    keep_choices()
    session, context = _session(), get_script_run_ctx()
    if context is None or session.page is None:
        return
    link = as_link(session.view, session.page)
    text = urlencode(link, doseq=True)
    is_entry = not session.is_entered and _differs_in_more_than_display(session.link, text)
    session.is_entered = False
    if text == session.link:
        return
    if is_entry:
        st.query_params.from_dict(link)
        session.link, session.replaced = text, 0  # now that it is sent: a run may end before
    else:
        _replace_link(link)


def _replace_link(link: Link) -> None:
    """Write a link into the address bar without an entry in the browser's history."""
    session, context = _session(), get_script_run_ctx()
    if context is None or session.page is None:
        return
    text = urlencode(link, doseq=True)
    with context.session_state.query_params() as held:
        held.clear_with_no_forward_msg(preserve_embed=True)
        for name, texts in link.items():
            held.set_with_no_forward_msg(name, texts)
    context.query_string = text
    session.replaced = replace_address(session.page, text)
    session.link, session.replaced_in = text, context.cursors


def _say_link_again() -> None:
    """Give the browser the last replacement once more: it may have dropped it undrawn."""
    session, context = _session(), get_script_run_ctx()
    if context and session.page and session.replaced and session.replaced_in is not context.cursors:
        replace_address(session.page, session.link, session.replaced)
        session.replaced_in = context.cursors


def _keep_at_once() -> None:
    """Write what the user has just chosen, so that a reload finds it before the page is complete.

    What the page then makes of it completes this entry of the history, and makes no other.
    """
    keep_choices()
    session = _session()
    if session.is_entered:
        return
    text = urlencode(as_link(session.view, session.page or ""), doseq=True)
    if _differs_in_more_than_display(session.link, text):
        _write_link()
        session.is_entered = True


def _differs_in_more_than_display(before: str, after: str) -> bool:
    old, new = (parse_qs(link, keep_blank_values=True) for link in (before, after))
    return not {n for n in {*old, *new} if old.get(n) != new.get(n)} <= set(DISPLAY)


def show_notes() -> None:
    """What of the link could not be shown, and what is shown instead."""
    session = _session()
    current = view()
    for name, (message, shown) in list(session.notes.items()):
        if current[name] in (shown, None):
            st.warning(as_markdown(message), icon=":material/link_off:")
        else:
            del session.notes[name]
    for problem in session.problems:
        st.warning(as_markdown(f"{problem}."), icon=":material/link_off:")


def run_again() -> None:
    """Run the fragment again, or the page where it is the whole page that is being run."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()


def _is_fragment_run() -> bool:
    context = get_script_run_ctx()
    return bool(context and context.fragment_ids_this_run)


def _switch(page: str) -> None:
    # The parameters of the page that is left, as they are: Streamlit makes an entry of the
    # history for every change of them, and the page that opens completes its own link.
    link = parse_qs(_session().link, keep_blank_values=True)
    st.switch_page(f"pages/{page or 'overview'}.py", query_params=link)
