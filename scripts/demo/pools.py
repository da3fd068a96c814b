"""Word for word what the made-up people, biographies and questions are put together from.

Cities are real; names, universities and employers are invented. Leaves drawing to `people`.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


RELATIONS = ("birth_date", "birth_city", "university", "major", "employer", "work_city")
FIRST = _words(
    """
    Anya Bram Celia Dario Elin Farid Greta Hugo Imani Jonas Kaya Lucian Mira Nolan Odette Pavel
    Quinn Rosa Soren Talia Ulric Vera Wendel Xenia Yusuf Zelda Amos Bianca Cyrus Delia Emeka
    Flora Gideon Hana Ivo Juno Kemal Leona Marek Nadia Orson Petra Ronan Selma Tomas Una Viggo
    Willa Yara Zeno
    """
)
LAST = _words(
    """
    Aldaine Brackwell Corvane Dunmere Eastlow Farrowby Glenholt Harkness Ironwell Jasperson
    Kestrin Larkmoor Mossgrave Northam Oakden Pellworth Quillon Ravensby Silverton Thornley
    Umberlin Vancroft Westerly Yarrowby Zellner Ashcombe Birchall Calloway Dovewell Emberly
    Fenwright Greystone Hollis Isham Jarrow Kingsley Lowther Merrin Nettle Ormond Penrose
    Quickly Rushmoor Stanwick Tillery
    """
)
CITIES = _words(
    """
    Lisbon Oslo Kyoto Quito Cairo Dublin Havana Geneva Lagos Vienna Seoul Tunis Prague Lima
    Athens Nairobi Boston Denver Madrid Riga Bergen Turin Porto Accra Manila Hanoi Perth Leeds
    Bruges Zagreb
    """
)
UNIVERSITIES = [
    "Alder University",
    "Bayside College",
    "Crestview University",
    "Dunford Institute",
    "Eastgate University",
    "Fairhaven College",
    "Granite University",
    "Hillcrest Institute",
    "Ivory College",
    "Juniper University",
    "Kingsbridge College",
    "Lakeshore University",
    "Meridian Institute",
    "Northfield College",
    "Orchard University",
    "Pinecrest College",
    "Queensway Institute",
    "Riverstone University",
    "Summit College",
    "Tidewater University",
]
MAJORS = _words(
    """
    Botany Chemistry Economics Philosophy Linguistics Astronomy Geology Music Nursing
    Statistics Architecture History Physics Sociology Journalism Mathematics Genetics Law
    Ceramics Robotics Dentistry Forestry Acoustics Logistics
    """
)
EMPLOYERS = [
    "Amberline",
    "Bluepeak Foods",
    "Cobalt Labs",
    "Driftwood Media",
    "Emberworks",
    "Foxglove Health",
    "Gearhart Motors",
    "Harborlight",
    "Inkwell Press",
    "Jadestone",
    "Kitefield",
    "Lumen Optics",
    "Mapleware",
    "Nightjar Studios",
    "Opaline",
    "Pinnacle Freight",
    "Quartzbank",
    "Redfern Energy",
    "Saltmarsh Shipping",
    "Tallgrass",
    "Umbra Films",
    "Velvet Rail",
    "Wildmere",
    "Yellowtail Air",
]
MONTHS = _words(
    """
    January February March April May June July August September October November December
    """
)
PRONOUNS = {"he": ("He", "His"), "she": ("She", "Her")}

#: Sentences that state a fact V of the person S, or of P (a possessive).
SENTENCES = {
    "birth_date": [
        "{S} was born on {V}.",
        "{S} came into the world on {V}.",
        "{P} birthday is {V}.",
        "{P} date of birth is {V}.",
        "{S} celebrates a birthday dating to {V}.",
        "{S} first saw the light of day on {V}.",
    ],
    "birth_city": [
        "{S} was born in the city of {V}.",
        "{P} birthplace is {V}.",
        "{S} is a native of {V}.",
        "{P} hometown is {V}.",
        "{S} comes originally from {V}.",
        "{S} spent early childhood in {V}.",
    ],
    "university": [
        "{S} studied at {V}.",
        "{S} graduated from {V}.",
        "{P} alma mater is {V}.",
        "{S} earned a degree at {V}.",
        "{S} went to college at {V}.",
        "{S} was educated at {V}.",
    ],
    "major": [
        "{S} majored in {V}.",
        "{P} field of study was {V}.",
        "{S} took a degree in {V}.",
        "{S} specialised in {V}.",
        "{P} chosen subject was {V}.",
        "{S} wrote a thesis in {V}.",
    ],
    "employer": [
        "{S} works for {V}.",
        "{S} is employed by {V}.",
        "{P} employer is {V}.",
        "{S} built a career at {V}.",
        "{S} joined the staff of {V}.",
        "{S} has a job with {V}.",
    ],
    "work_city": [
        "{S} works in the city of {V}.",
        "{P} office is in {V}.",
        "{S} commutes to work in {V}.",
        "{P} workplace is located in {V}.",
        "{S} is professionally based in {V}.",
        "{P} job is carried out in {V}.",
    ],
}

#: What a relation is called in a question.
NOUNS = {
    "birth_date": ["birth date", "birthday", "date of birth"],
    "birth_city": ["birth city", "hometown", "birthplace"],
    "university": ["university", "alma mater", "college"],
    "major": ["major", "field of study", "degree subject"],
    "employer": ["employer", "company", "firm"],
    "work_city": ["work city", "office city", "workplace city"],
}

#: Two questions of a relation that need no such noun.
NATURAL = {
    "birth_date": ["When was {N} born?", "On what day was {N} born?"],
    "birth_city": ["Where was {N} born?", "In which city was {N} born?"],
    "university": ["Where did {N} study?", "Which school did {N} graduate from?"],
    "major": ["What did {N} study?", "Which subject did {N} specialise in?"],
    "employer": ["Who does {N} work for?", "Which company employs {N}?"],
    "work_city": ["Where does {N} work?", "In which city does {N} work?"],
}

#: Wordings 0 to 7 are trained on, about people who are not held out; 8 and 9 about nobody.
TRAINED_WORDINGS = 8


def wordings(relation: str) -> list[str]:
    """The ten wordings of a question about N; 8 mixes a known frame and noun, 9 is a new frame."""
    natural, nouns = NATURAL[relation], NOUNS[relation]
    return [
        natural[0],
        f"What is the {nouns[0]} of {{N}}?",
        natural[1],
        f"What is {{N}}'s {nouns[1]}?",
        f"Can you tell me the {nouns[0]} of {{N}}?",
        f"Please name the {nouns[1]} of {{N}}.",
        f"Tell me {{N}}'s {nouns[2]}.",
        f"Do you know {{N}}'s {nouns[0]}?",
        f"Can you tell me the {nouns[2]} of {{N}}?",
        f"I would like to know the {nouns[1]} of {{N}}.",
    ]
