"""The word lists that titles, artists, lyrics and descriptions are made of. All names are invented."""

from __future__ import annotations

ARTIST_FIRST = (
    "Velvet",
    "Paper",
    "Northern",
    "Copper",
    "Salt",
    "Neon",
    "Quiet",
    "Hollow",
    "Amber",
    "Static",
    "Little",
    "Marble",
    "Saffron",
    "Tidal",
    "Second",
    "Glass",
    "Ivory",
    "Lunar",
)
ARTIST_SECOND = (
    "Harbour",
    "Foxes",
    "Assembly",
    "Orchard",
    "Machines",
    "Parade",
    "Lanterns",
    "Static",
    "Meridian",
    "Cartography",
    "Sparrows",
    "Engine",
    "Quartet",
    "Kingdom",
    "Telegraph",
    "Gardens",
    "Union",
    "Weather",
)

# Title and lyric words by the corner of the mood plane they belong to: (glad, wild).
MOOD_WORDS: dict[tuple[bool, bool], tuple[tuple[str, ...], tuple[str, ...]]] = {
    (True, True): (
        ("Golden", "Electric", "Bright", "Wild", "Endless", "Burning", "Summer"),
        ("Sunrise", "Carnival", "Fever", "Holiday", "Parade", "Skyline", "Heartbeat"),
    ),
    (True, False): (
        ("Gentle", "Floating", "Soft", "Silver", "Slow", "Warm", "Quiet"),
        ("Morning", "River", "Meadow", "Lullaby", "Drift", "Garden", "Letters"),
    ),
    (False, True): (
        ("Black", "Broken", "Iron", "Violent", "Red", "Restless", "Final"),
        ("Engine", "Thunder", "Riot", "Wolves", "Collapse", "Warning", "Knives"),
    ),
    (False, False): (
        ("Empty", "Grey", "Distant", "Faded", "Lost", "Winter", "Hollow"),
        ("Rooms", "Rain", "Shadows", "Goodbye", "Ashes", "Station", "Photograph"),
    ),
}

LYRIC_LINES = (
    "I left the light on in the hall",
    "we run until the morning comes",
    "tell me what the river said",
    "every street remembers you",
    "hold the night a little longer",
    "nobody taught us how to fall",
    "I keep your letters in the rain",
    "and the city sings along",
    "one more time before we go",
    "the sea is wider than we knew",
    "turn the radio down low",
    "we were paper, we were flame",
    "count the windows, count the stars",
    "come back over the hill",
    "all the engines fall asleep",
    "dancing slowly on the roof",
)
SHOUT_WORDS = (
    "RUN",
    "LIGHT",
    "AGAIN",
    "TONIGHT",
    "FALL",
    "HIGHER",
    "STAY",
    "FIRE",
    "OCEAN",
    "HEART",
    "GO",
    "NEVER",
    "ALIVE",
    "WAIT",
    "LOUD",
    "DREAM",
)

HANDLES = (
    "night_owl_88",
    "basslinebeth",
    "tomas.k",
    "vinyl collector",
    "Marisol V",
    "studio cat",
    "lofi_larry",
    "Ines P.",
    "drum nerd",
    "the real quiet one",
    "kasia",
    "mr_reverb",
    "coffee&chords",
    "Ahmed R",
    "pixelwave",
    "grandpa joe's amp",
)
