"""A plan changed by hand: the next version, checked like any other, its faults shown where the edit is."""

import re
from collections.abc import Iterator, Sequence

from orchestra.contracts.edits import AddDependency, AddTask, ChangeTask, Edit, PlanEdits, RemoveDependency, RemoveTask
from orchestra.contracts.planning import AfterRequest, DependencyTerms, Fault, TaskRequest
from orchestra.planner.domain.after import links
from orchestra.planner.domain.check import check
from orchestra.planner.domain.errors import InvalidEdits
from orchestra.planner.domain.plan import Plan, propose

_TASK = re.compile(r"/tasks/(\d+)(.*)")
_NOT_BESIDE_A_WAIT = ("command", "agent", "role", "points", "minutes")


def edited(plan: Plan, request: PlanEdits) -> Plan:
    """The plan after the edits. Raises InvalidEdits with all that is wrong, at JSON Pointers into the request."""
    draft = _Draft({task.id: task for task in plan.tasks})
    faults = [fault for at, edit in enumerate(request.edits) for fault in draft.apply(at, edit)]
    if faults:
        raise InvalidEdits(faults)
    changed = propose("given", plan.requirements, tuple(draft.tasks.values()), {**plan.files, **request.files})
    if found := check(changed):
        raise InvalidEdits([_placed(fault, changed.tasks, request.edits, draft.touched) for fault in found])
    assumptions = tuple(dict.fromkeys((*plan.assumptions, *changed.assumptions)))
    return Plan(changed.mode, changed.requirements, changed.tasks, changed.files, assumptions)


class _Draft:
    def __init__(self, tasks: dict[str, TaskRequest]) -> None:
        self.tasks = tasks
        self.touched: dict[str, int] = {}
        """The edit that last had to do with a task, by its key."""

    def apply(self, at: int, edit: Edit) -> Iterator[Fault]:
        match edit:
            case AddTask(task=task):
                yield from self._add(at, task)
            case ChangeTask(id=key):
                if self._knows(key):
                    self._put(at, key, **_changes(edit))
                else:
                    yield _unknown(f"/edits/{at}/id", key)
            case RemoveTask(id=key):
                yield from self._remove(at, key)
            case AddDependency() | RemoveDependency():
                yield from self._wire(at, edit)

    def _knows(self, key: str) -> bool:
        return key in self.tasks

    def _put(self, at: int, key: str, **changes: object) -> None:
        self.tasks[key] = self.tasks[key].model_copy(update=changes)
        self.touched[key] = at

    def _add(self, at: int, task: TaskRequest) -> Iterator[Fault]:
        if self._knows(task.id):
            yield _fault(f"/edits/{at}/task/id", "duplicate-id", f"{task.id} is already a task of the plan.")
            return
        self.tasks[task.id] = task
        self.touched[task.id] = at

    def _remove(self, at: int, key: str) -> Iterator[Fault]:
        if not self._knows(key):
            yield _unknown(f"/edits/{at}/id", key)
            return
        del self.tasks[key]
        for other, task in list(self.tasks.items()):
            if any(link.task == key for link in links(task)):
                self._put(at, other, after=tuple(link for link in links(task) if link.task != key))

    def _wire(self, at: int, edit: AddDependency | RemoveDependency) -> Iterator[Fault]:
        ends = {"predecessor": edit.predecessor, "successor": edit.successor}
        unknown = [_unknown(f"/edits/{at}/{end}", key) for end, key in ends.items() if not self._knows(key)]
        if unknown:
            yield from unknown
            return
        after = links(self.tasks[edit.successor])
        others = tuple(link for link in after if (link.task, link.kind) != (edit.predecessor, edit.kind))
        stands = len(others) < len(after)
        what = f"the dependency ({edit.kind}) of {edit.successor} on {edit.predecessor}"
        if isinstance(edit, RemoveDependency):
            if not stands:
                yield _fault(f"/edits/{at}", "unknown-dependency", f"The plan does not have {what}.")
            self._put(at, edit.successor, after=others)
        elif stands:
            yield _fault(f"/edits/{at}", "duplicate-dependency", f"The plan has {what} already.")
        else:
            terms = edit.model_dump(include=set(DependencyTerms.model_fields))
            self._put(at, edit.successor, after=(*after, AfterRequest(task=edit.predecessor, **terms)))


def _changes(edit: ChangeTask) -> dict[str, object]:
    changes: dict[str, object] = {name: getattr(edit.set, name) for name in edit.set.model_fields_set}
    if changes.get("points") is not None:
        changes.setdefault("minutes", None)
    if changes.get("minutes") is not None:
        changes.setdefault("points", None)
    if changes.get("agent") is not None:
        changes.setdefault("command", None)
    if changes.get("command") is not None:
        changes.setdefault("agent", None)
    if changes.get("wait") is not None:
        changes |= {name: changes.get(name) for name in _NOT_BESIDE_A_WAIT}
    elif any(changes.get(name) is not None for name in _NOT_BESIDE_A_WAIT):
        changes.setdefault("wait", None)
    return {name: "" if name == "title" and value is None else value for name, value in changes.items()}


def _placed(fault: Fault, tasks: Sequence[TaskRequest], edits: Sequence[Edit], touched: dict[str, int]) -> Fault:
    """The fault of the changed plan, at the edit that has to do with its place."""
    found = _TASK.fullmatch(fault.pointer)
    if not found:
        return fault
    key, rest = tasks[int(found[1])].id, found[2]
    at = touched.get(key)
    detail = f"{key}: {fault.detail}"
    if at is None:
        return _fault("/edits", fault.code, detail)
    inside = {"add_task": f"/task{rest}", "change_task": f"/set{rest}"}.get(edits[at].op, "")
    return _fault(f"/edits/{at}{inside}", fault.code, detail)


def _unknown(pointer: str, key: str) -> Fault:
    return _fault(pointer, "unknown-task", f"The plan has no task {key}.")


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)
