"""The words people use for what they see from above, one entry per class.

Keys are singular snake_case and shared by every data source and by the scene generator. The first word of
each list is the class's plain name; the others are synonyms. Words that would also name something that the
class leaves out are kept away: a synonym must be true of every object of the class.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassWords:
    """How a class is named.

    Attributes:
        singular: Names of one object; the first is the plain name.
        plural: Names of several; the first is the plain plural.
        is_countable: False for what covers ground (water, vegetation): one "the water", no "two waters".
        confusable: Other classes whose objects somebody could also call by one of these names, or the other
            way round: never offered as absent beside each other.
    """

    singular: tuple[str, ...]
    plural: tuple[str, ...]
    is_countable: bool = True
    confusable: frozenset[str] = frozenset()


def _things(singular: str, plural: str, confusable: str = "") -> ClassWords:
    return ClassWords(_split(singular), _split(plural), True, frozenset(confusable.split()))


def _cover(words: str, confusable: str = "") -> ClassWords:
    return ClassWords(_split(words), _split(words), False, frozenset(confusable.split()))


def _split(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(","))


LEXICON: dict[str, ClassWords] = {
    "airplane": _things(
        "airplane, plane, aeroplane, aircraft, jet, parked plane, jetliner, airliner",
        "airplanes, planes, aeroplanes, aircraft, jets, parked planes, jetliners, airliners, aircrafts",
        "helicopter",
    ),
    "helicopter": _things("helicopter, chopper", "helicopters, choppers", "airplane"),
    "ship": _things(
        "ship, vessel, boat, watercraft",
        "ships, vessels, boats, watercraft",
        "boat",
    ),
    "boat": _things(
        "boat, vessel, watercraft, small boat", "boats, vessels, watercraft, small boats", "ship"
    ),
    "storage_tank": _things(
        "storage tank, tank, oil tank, fuel tank, cylindrical tank, oil storage tank, round tank, "
        "liquid storage tank, fuel storage tank, petroleum tank, industrial tank",
        "storage tanks, tanks, oil tanks, fuel tanks, cylindrical tanks, oil storage tanks, round tanks, "
        "liquid storage tanks, fuel storage tanks, petroleum tanks, tank farm, industrial tanks",
        "silo roundabout",
    ),
    "silo": _things("silo, grain silo", "silos, grain silos", "storage_tank"),
    "baseball_diamond": _things(
        "baseball diamond, baseball field, softball field, ball field, baseball infield, ball diamond, "
        "baseball pitch, diamond, ballpark, infield, baseball ground",
        "baseball diamonds, baseball fields, softball fields, ball fields, baseball infields, ball diamonds, "
        "baseball pitches, diamonds, ballparks, infields, baseball grounds",
        "football_pitch field sports_ground",
    ),
    "tennis_court": _things(
        "tennis court, tennis field, court for tennis, tennis playing court, tennis ground",
        "tennis courts, tennis fields, courts for tennis, tennis playing courts, tennis facilities",
        "basketball_court",
    ),
    "basketball_court": _things(
        "basketball court, basketball field, court for basketball, basketball playing court, "
        "basketball pitch, bball court, hoops court, basketball ground",
        "basketball courts, basketball fields, courts for basketball, basketball playing courts, "
        "basketball pitches, bball courts, hoops courts, basketball grounds",
        "tennis_court",
    ),
    "ground_track_field": _things(
        "ground track field, running track, athletics track, track field, track and field stadium, "
        "race track, athletic field, athletics ground, oval track, sports track, track, athletics stadium, "
        "running oval, track oval",
        "ground track fields, running tracks, athletics tracks, track fields, track and field stadiums, "
        "race tracks, athletic fields, athletics grounds, oval tracks, sports tracks, tracks, "
        "athletics stadiums, running ovals, track ovals",
        "football_pitch running_track stadium sports_ground field path",
    ),
    "running_track": _things(
        "running track, athletics track, race track, oval track, track",
        "running tracks, athletics tracks, race tracks, oval tracks, tracks",
        "ground_track_field stadium road",
    ),
    "football_pitch": _things(
        "football pitch, soccer field, football field, soccer pitch, soccer ground",
        "football pitches, soccer fields, football fields, soccer pitches, soccer grounds",
        "ground_track_field field baseball_diamond stadium sports_ground grass",
    ),
    "stadium": _things(
        "stadium, arena", "stadiums, arenas", "ground_track_field running_track football_pitch"
    ),
    "harbor": _things(
        "harbor, harbour, pier, dock, jetty, wharf, quay, mooring pier, landing stage, marina, boat dock, "
        "pontoon, mooring",
        "harbors, harbours, piers, docks, jetties, wharves, quays, mooring piers, landing stages, marinas, "
        "boat docks, pontoons, moorings, berths",
        "",
    ),
    "bridge": _things(
        "bridge, overpass, crossing bridge, road bridge, viaduct, crossing",
        "bridges, overpasses, crossing bridges, road bridges, viaducts, crossings",
        "road",
    ),
    "vehicle": _things(
        "vehicle, car, automobile, motor vehicle, motorcar, auto",
        "vehicles, cars, automobiles, motor vehicles, motorcars, cars and trucks, road vehicles, autos",
        "car truck bus",
    ),
    "car": _things(
        "car, automobile, motorcar, passenger car, vehicle",
        "cars, automobiles, motorcars, passenger cars, vehicles",
        "vehicle truck bus",
    ),
    "truck": _things(
        "truck, lorry, heavy goods vehicle", "trucks, lorries, heavy goods vehicles", "vehicle car bus"
    ),
    "bus": _things("bus, coach", "buses, coaches", "vehicle truck car"),
    "train": _things("train, railway train", "trains, railway trains", "railway container"),
    "building": _things(
        "building, structure, rooftop, roof, built structure, building footprint",
        "buildings, structures, rooftops, roofs, built structures, building footprints, built-up structures",
        "house warehouse greenhouse stadium tower",
    ),
    "house": _things(
        "house, home, residential building, dwelling, family house",
        "houses, homes, residential buildings, dwellings, family houses",
        "building warehouse",
    ),
    "warehouse": _things(
        "warehouse, industrial building, storehouse, industrial hall, factory hall, logistics hall",
        "warehouses, industrial buildings, storehouses, industrial halls, factory halls, logistics halls",
        "building house greenhouse",
    ),
    "greenhouse": _things(
        "greenhouse, glasshouse, hothouse", "greenhouses, glasshouses, hothouses", "building warehouse"
    ),
    "tower": _things("tower", "towers", "building"),
    "swimming_pool": _things(
        "swimming pool, pool, outdoor pool, backyard pool",
        "swimming pools, pools, outdoor pools, backyard pools",
        "water pond lake",
    ),
    "tree": _things(
        "tree, tree crown, tree canopy, single tree",
        "trees, tree crowns, tree canopies, individual trees",
        "forest vegetation bush",
    ),
    "bush": _things("bush, shrub", "bushes, shrubs", "tree vegetation forest"),
    "forest": _cover("forest, woodland, woods, dense trees, wooded area", "tree vegetation"),
    "vegetation": _cover(
        "vegetation, greenery, green areas, plants, trees and grass, green space, "
        "vegetated areas, vegetated land",
        "tree forest grass field bush football_pitch park crop",
    ),
    "grass": _cover("grass, lawn, grassland, meadow", "vegetation field football_pitch park"),
    "park": _things("park, public garden", "parks, public gardens", "vegetation grass"),
    "field": _things(
        "field, farmland, farm field, agricultural field, cropland parcel, arable field",
        "fields, farm fields, agricultural fields, cropland, farmland, arable fields",
        "vegetation grass bare_land football_pitch baseball_diamond ground_track_field",
    ),
    "bare_land": _cover(
        "bare land, bare ground, bare soil, barren land, open ground, empty land, sand, unpaved land, "
        "undeveloped land, unpaved area",
        "field beach parking_lot construction_site",
    ),
    "construction_site": _things(
        "construction site, building site", "construction sites, building sites", "bare_land"
    ),
    "beach": _cover("beach, sandy shore, sand, sandy beach", "bare_land"),
    "road": _cover(
        "road, roads, street, streets, roadway, paved road, road network, paved roads, tarmac roads",
        "bridge parking_lot roundabout runway running_track railway path",
    ),
    "path": _things("path, footpath, trail, track", "paths, footpaths, trails, tracks", "road running_track"),
    "runway": _things(
        "runway, taxiway, airstrip, landing strip",
        "runways, taxiways, airstrips, landing strips, runways and taxiways",
        "road apron",
    ),
    "apron": _cover(
        "apron, airport apron, tarmac, aircraft parking area, aircraft stands, airplane parking",
        "road parking_lot runway",
    ),
    "railway": _things(
        "railway, railroad, rail line, train tracks", "railways, railroads, rail lines", "road train"
    ),
    "roundabout": _things(
        "roundabout, traffic circle, rotary, traffic roundabout",
        "roundabouts, traffic circles, rotaries",
        "road storage_tank",
    ),
    "parking_lot": _things(
        "parking lot, car park, parking area, parking space, carpark",
        "parking lots, car parks, parking areas, carparks",
        "road bare_land",
    ),
    "water": _cover(
        "water, water body, water surface, open water, waterbody, water area",
        "river lake pond swimming_pool sea canal",
    ),
    "river": _things(
        "river, stream, watercourse, waterway", "rivers, streams, watercourses", "water canal lake sea"
    ),
    "canal": _things("canal, artificial waterway", "canals, artificial waterways", "river water"),
    "lake": _things("lake, inland lake", "lakes, inland lakes", "water pond river sea"),
    "pond": _things("pond, small pond", "ponds, small ponds", "water lake swimming_pool"),
    "sea": _cover("sea, ocean, open sea", "water lake river"),
    "solar_panel": _things(
        "solar panel, photovoltaic panel, PV panel, solar module, solar array",
        "solar panels, photovoltaic panels, PV panels, solar modules, solar arrays, solar farm",
    ),
    "wind_turbine": _things("wind turbine, windmill", "wind turbines, windmills"),
    "container": _things(
        "container, shipping container, cargo container, freight container",
        "containers, shipping containers, cargo containers, freight containers",
        "truck train",
    ),
}

SURELY_ABSENT: tuple[str, ...] = (
    "elephants",
    "an iceberg",
    "volcano crater",
    "pyramids",
    "whales",
    "penguins",
    "polar bear",
    "glacier",
    "giraffes",
    "space shuttle",
    "a lava flow",
    "hot air balloons",
    "dinosaur",
    "submarine",
    "camels",
    "coral reef",
)
"""Things that none of the sources can show, typed in the singular, the plural and with articles."""


GENERAL: dict[str, tuple[ClassWords, frozenset[str]]] = {
    "court": (
        _things("court, sports court, playing court", "courts, sports courts, playing courts"),
        frozenset({"tennis_court", "basketball_court"}),
    ),
    "motor_vehicle": (
        _things("vehicle, motor vehicle", "vehicles, motor vehicles"),
        frozenset({"car", "truck", "bus"}),
    ),
    "watercraft": (
        _things("vessel, watercraft", "vessels, watercraft"),
        frozenset({"ship", "boat"}),
    ),
}
"""Words for the objects of several classes at once, and the classes."""


def words_for(name: str) -> ClassWords:
    """The class's words; an unknown key names itself, so that a foreign data set can still be read."""
    found = LEXICON.get(name)
    if found is not None:
        return found
    plain = name.replace("_", " ")
    return ClassWords((plain,), (plain if plain.endswith("s") else f"{plain}s",))


def may_be_confused(first: str, second: str) -> bool:
    """Whether somebody could call an object of one class by a word of the other."""
    if first == second:
        return True
    return second in words_for(first).confusable or first in words_for(second).confusable
