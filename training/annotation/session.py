"""A person's work on a project: what an instance shows, and what each decision does to it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from geophrase.training.annotation.candidates import NUM_CANDIDATES, Candidate, Guidance
from geophrase.training.annotation.encodings import EncodingStore
from geophrase.training.annotation.journal import Decision, InstanceState, Journal, Status
from geophrase.training.annotation.project import AnnotationError, InstanceRef, Project
from geophrase.training.annotation.propose import propose_image


class AnnotationSession:
    """Takes decisions about a project's instances, each on the disk before it counts.

    It may be called from any number of threads; the model answers one question after the other.

    Args:
        project: An open project.
        journal: Its journal, open for writing.
        encodings: Encoded images, and with them the model.
    """

    def __init__(self, project: Project, journal: Journal, encodings: EncodingStore) -> None:
        self.project = project
        self._journal = journal
        self._encodings = encodings
        self._lock = threading.RLock()
        self._statuses: list[Status] = [self._state_of(each).status for each in project.instances]

    @property
    def statuses(self) -> Sequence[Status]:
        """Where each instance stands, in the project's order."""
        return tuple(self._statuses)

    @property
    def counts(self) -> dict[Status, int]:
        """How many instances stand where."""
        counted = Counter(self._statuses)
        return {"pending": counted["pending"], "accepted": counted["accepted"], "dropped": counted["dropped"]}

    def has_taken(self, origin: str) -> bool:
        """Whether a decision of this origin was ever taken."""
        return origin in self._journal.decisions.origins

    def next_pending(self, after: int) -> int | None:
        """The nearest undecided instance from a number on, beginning again at the end; None when all are."""
        total = len(self._statuses)
        ahead = ((after + step) % total for step in range(total))
        return next((number for number in ahead if self._statuses[number] == "pending"), None)

    def state(self, number: int) -> tuple[InstanceState, tuple[Candidate, ...]]:
        """Where an instance stands, and the masks on offer; proposes them where nobody did yet.

        Raises:
            AnnotationError: There is no such instance, or its image can't be used.
            RisorsError: Its image is missing or can't be read.
        """
        instance = self._instance(number)
        with self._lock:
            state = self._state_of(instance)
        return state, state.candidates or self._proposals(instance)

    def look_ahead(self, number: int) -> None:
        """Has the image of an instance encoded in the background, and the next undecided one's after it."""
        following = self.next_pending(number + 1)
        ahead = [self._instance(each).image_index for each in (number, following) if each is not None]
        self._encodings.look_ahead(ahead)

    def accept(self, number: int, mask: int, *, origin: str = "page") -> None:
        """Keeps one of the masks on offer.

        Raises:
            AnnotationError: There is no such instance or mask, or the mask is empty.
            OSError: The decision can't be written; nothing has changed.
        """
        if not 0 <= mask < NUM_CANDIDATES:
            raise AnnotationError(f"There is no mask {mask + 1}; choose 1 to {NUM_CANDIDATES}.")
        _, candidates = self.state(number)
        if candidates[mask].area_px == 0:
            raise AnnotationError(
                f"Mask {mask + 1} is empty; choose another, add points, or drop the instance."
            )
        self._take(number, Decision(self._instance(number).id, "accept", mask=mask, origin=origin))

    def drop(self, number: int, *, origin: str = "page") -> None:
        """Leaves an instance out of the data set.

        Raises:
            AnnotationError: There is no such instance.
            OSError: The decision can't be written; nothing has changed.
        """
        self._take(number, Decision(self._instance(number).id, "drop", origin=origin))

    def retry(self, number: int, guidance: Guidance, *, origin: str = "page") -> None:
        """Asks the model again with points, the box and a mask on offer.

        Args:
            number: The instance.
            guidance: All its points, those of earlier rounds included.
            origin: What took the decision.

        Raises:
            AnnotationError: There is no such instance, a point is outside its image, or the image can't be
                used.
            RisorsError: The image is missing or can't be read.
            OSError: The decision can't be written; nothing has changed.
        """
        instance = self._instance(number)
        self._require_inside(instance, guidance)
        with self._lock:
            rounds = (*self._state_of(instance).rounds, guidance)
        embedding = self._encodings.get(instance.image_index)
        offered = self._encodings.model.candidates(embedding, self.project.box_of(instance), rounds)
        decision = Decision(instance.id, "retry", guidance=guidance, candidates=offered, origin=origin)
        self._take(number, decision, rounds_before=len(rounds) - 1)

    def undo(self) -> int | None:
        """Takes the last decision of all back; the number of its instance, None where there is none.

        Raises:
            OSError: It can't be written; nothing has changed.
        """
        with self._lock:
            decision = self._journal.undo()
            if decision is None:
                return None
            number = self.project.number_of[decision.instance]
            self._statuses[number] = self._state_of(self.project.instances[number]).status
            return number

    def _take(self, number: int, decision: Decision, *, rounds_before: int | None = None) -> None:
        instance = self._instance(number)
        with self._lock:
            if rounds_before not in (None, len(self._state_of(instance).rounds)):
                raise AnnotationError("The instance has changed meanwhile; look at it again.")
            self._journal.append(decision)
            self._statuses[number] = self._state_of(instance).status

    def _instance(self, number: int) -> InstanceRef:
        if not 0 <= number < len(self.project.instances):
            raise AnnotationError(f"There is no instance {number}; there are {len(self.project.instances)}.")
        return self.project.instances[number]

    def _state_of(self, instance: InstanceRef) -> InstanceState:
        return self._journal.decisions.state_of(instance.id)

    def _proposals(self, instance: InstanceRef) -> tuple[Candidate, ...]:
        image = self.project.images[instance.image_index]
        offered = self.project.read_proposals(image)
        if offered is None:
            propose_image(self.project, self._encodings, instance.image_index, has_sheet=False)
            offered = self.project.read_proposals(image)
        assert offered is not None
        return offered[instance.box_index]

    def _require_inside(self, instance: InstanceRef, guidance: Guidance) -> None:
        height_px, width_px = self.project.images[instance.image_index].size_yx
        for x, y in guidance.points_xy:
            if not (0 <= x <= width_px and 0 <= y <= height_px):
                raise AnnotationError(
                    f"The point {x:g},{y:g} is outside the image of {width_px} x {height_px} pixels."
                )
