"""What a reading session consists of. Standard library only.

Glossary, used with these meanings everywhere:

- **exam**: one patient's images of one date: a T1c and a FLAIR layer on one grid.
- **reading**: one exam as one reader gets to see it, with two segmentations of it, on the sides A and B.
- **side**: A (left viewer) or B (right viewer). What stands on which side was drawn when the package was made,
  and the reader's world holds no word for it.
- **package**: the folder one reader receives: signed manifest, images, and the session file.
- **session**: the reader's answers and their history, in `session.sqlite`.
- **protocol**: what the study asks and allows: scale, texts, closing questions, revision rule.
- **event**: one row of the append-only trail; the trail is the truth, the tables of answers its projection.
"""

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Left or right viewer."""

    A = "A"
    B = "B"

    @property
    def other(self) -> "Side":
        return Side.B if self is Side.A else Side.A


class Revision(StrEnum):
    """Until when a reader may change a score."""

    UNTIL_NEXT = "until-next"
    UNTIL_SIGN_OFF = "until-sign-off"


class Status(StrEnum):
    """How far a reading is, without any of its content."""

    UNSCORED = "unscored"
    PARTLY = "partly scored"
    SCORED = "scored"  # each side has a score or a reason why it cannot have one


@dataclass(frozen=True)
class Anchor:
    """A named point of the scale."""

    value: int
    label: str


@dataclass(frozen=True)
class Scale:
    """Whole numbers from minimum to maximum, some of them named."""

    minimum: int
    maximum: int
    anchors: tuple[Anchor, ...]

    def label(self, value: int) -> str:
        """The words for a value; between two anchors, those of the lower one, marked '+'."""
        below = max((a for a in self.anchors if a.value <= value), key=lambda a: a.value)
        return below.label if below.value == value else f"{below.label} +"


# Mitchell et al. 2020, section 2.4
PUBLISHED_SCALE = Scale(
    0,
    10,
    (
        Anchor(0, "no match"),
        Anchor(2, "very poor match"),
        Anchor(4, "poor match"),
        Anchor(6, "good match"),
        Anchor(8, "very good match"),
        Anchor(10, "perfect match"),
    ),
)


@dataclass(frozen=True)
class ClosingQuestion:
    """A question asked after the last score and before sign-off; its words come from the package.

    With a `reading_id` the exam is shown again beside it. `confidence_choices` may be empty: then it isn't asked.
    """

    question_id: str  # 16 hex digits
    text: str
    choices: tuple[str, ...]
    confidence_text: str = ""
    confidence_choices: tuple[str, ...] = ()
    reading_id: str | None = None


@dataclass(frozen=True)
class Protocol:
    """What the study asks of its readers and what the app lets them do; stored with every package."""

    study_id: str  # 16 hex digits
    title: str
    version: str
    study_type: str  # 'as-published' or 'balanced'
    layers: tuple[str, ...] = ("T1c", "FLAIR")
    scale: Scale = PUBLISHED_SCALE
    question: str = "How well does each segmentation match the tumour extent visible in the MRI exam?"
    instruction: tuple[str, ...] = ()  # pages of plain text, first to last; empty: the app's own
    revision: Revision = Revision.UNTIL_SIGN_OFF
    closing_questions: tuple[ClosingQuestion, ...] = ()
    is_surface_allowed: bool = False  # the 3-D pane; off as published


@dataclass(frozen=True)
class Reading:
    """One exam in the reader's order; practice exams come first and are never exported as data."""

    reading_id: str  # 16 hex digits, drawn for this reader alone
    position: int  # from 1, practice and study exams counted apart
    is_practice: bool


@dataclass(frozen=True)
class ReaderProfile:
    """Who reads, as far as the analysis needs it."""

    specialty: str
    years_since_certification: int | None
    site_code: str
    name: str  # for the signature


@dataclass(frozen=True)
class Answer:
    """What is known of one side of a reading: a score, or a reason why there is none, or neither yet."""

    score: int | None = None
    cannot_score: str | None = None
    comment: str = ""

    @property
    def is_complete(self) -> bool:
        return self.score is not None or bool(self.cannot_score)


@dataclass(frozen=True)
class ReadingAnswers:
    """All answers of one reading: the two sides, and what holds for the exam as a whole."""

    a: Answer = Answer()
    b: Answer = Answer()
    comment: str = ""
    cannot_score: str | None = None

    def side(self, side: Side) -> Answer:
        return self.a if side is Side.A else self.b

    @property
    def status(self) -> Status:
        done = [bool(self.cannot_score) or s.is_complete for s in (self.a, self.b)]
        return Status.SCORED if all(done) else Status.PARTLY if any(done) else Status.UNSCORED

    @property
    def has_comment(self) -> bool:
        return any((self.comment, self.a.comment, self.b.comment))


@dataclass(frozen=True)
class ClosingAnswer:
    """A reader's choice for one closing question."""

    choice: str
    confidence: str | None = None
