"""True sizes in metres of what scenes show, each with the rule book or data sheet it comes from."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]

# Source: ITF Rules of Tennis 2024, rule 1 and appendix (78 ft by 36 ft; service line 21 ft from the net;
# 120 ft by 60 ft overall with the recommended run-off).
TENNIS_LENGTH_M = 23.77
TENNIS_WIDTH_M = 10.97
TENNIS_SINGLES_WIDTH_M = 8.23
TENNIS_SERVICE_LINE_M = 6.40
TENNIS_OVERALL_LENGTH_M = 36.57
TENNIS_OVERALL_WIDTH_M = 18.29
COURT_LINE_M = 0.05

# Source: FIBA Official Basketball Rules 2022, rule 2.
BASKETBALL_LENGTH_M = 28.0
BASKETBALL_WIDTH_M = 15.0
BASKETBALL_KEY_LENGTH_M = 5.80
BASKETBALL_KEY_WIDTH_M = 4.90
BASKETBALL_ARC_RADIUS_M = 6.75
BASKETBALL_HOOP_FROM_END_M = 1.575
BASKETBALL_CIRCLE_RADIUS_M = 1.80

# Source: IFAB Laws of the Game 2023/24, law 1 (international matches), and the usual 105 m by 68 m.
FOOTBALL_LENGTH_M: Range = (100.0, 110.0)
FOOTBALL_WIDTH_M: Range = (64.0, 75.0)
FOOTBALL_STANDARD_M = (105.0, 68.0)
FOOTBALL_PENALTY_AREA_M = (16.5, 40.32)
FOOTBALL_GOAL_AREA_M = (5.5, 18.32)
FOOTBALL_CIRCLE_RADIUS_M = 9.15
FOOTBALL_PENALTY_MARK_M = 11.0
FOOTBALL_LINE_M = 0.12

# Source: World Athletics Track and Field Facilities Manual 2019, 2.2.1 (400 m standard track).
TRACK_STRAIGHT_M = 84.39
TRACK_RADIUS_M = 36.50
TRACK_LANE_M = 1.22
TRACK_NUM_LANES = 8

# Source: Official Baseball Rules 2023, rule 2.01 (90 ft bases, 60 ft 6 in to the plate, 95 ft grass line
# arc); softball bases at 60 ft (WBSC).
BASEBALL_BASE_M = 27.43
BASEBALL_PLATE_TO_MOUND_M = 18.44
BASEBALL_ARC_RADIUS_M = 28.96
SOFTBALL_BASE_M = 18.29
BASEBALL_OUTFIELD_M: Range = (76.0, 122.0)

# Source: 96/53/EC (16.5 m articulated lorry, 2.55 m wide, 12 m and 13.5 m buses, 4 m high); cars: European
# new-car fleet, segment B to E.
CAR_LENGTH_M: Range = (3.8, 5.1)
CAR_WIDTH_M: Range = (1.70, 1.98)
CAR_HEIGHT_M = 1.5
LORRY_LENGTH_M: Range = (13.0, 16.5)
VAN_LENGTH_M: Range = (6.0, 9.5)
HEAVY_WIDTH_M = 2.55
LORRY_HEIGHT_M = 3.8
BUS_LENGTH_M: Range = (10.5, 13.5)
BUS_HEIGHT_M = 3.1

# Source: ISO 668 series 1 (20 ft 1C and 40 ft 1A containers).
CONTAINER_LENGTHS_M = (6.06, 12.19)
CONTAINER_WIDTH_M = 2.44
CONTAINER_HEIGHT_M = 2.59

# Source: RASt 06 (Germany) and AASHTO Green Book 2018: lanes 2.75-3.75 m, pavements from 1.5 m;
# markings 0.10-0.15 m; parking bays 2.5 m by 5.0 m with 6 m aisles (EAR 05).
LANE_M: Range = (2.75, 3.65)
HIGHWAY_LANE_M = 3.65
PAVEMENT_M: Range = (1.2, 3.0)
ROAD_LINE_M = 0.14
PARKING_BAY_M = (2.5, 5.0)
PARKING_AISLE_M = 6.2
ROUNDABOUT_RADIUS_M: Range = (13.0, 24.0)

# Source: API 650 practice and refinery surveys: 10-60 m wide, 10-20 m high.
TANK_DIAMETER_M: Range = (9.0, 48.0)
TANK_HEIGHT_M: Range = (7.0, 18.0)
SILO_DIAMETER_M: Range = (5.0, 9.0)

# Source: ICAO Annex 14 volume I: runway 30-60 m wide, threshold stripes 30 m by 1.8 m, centre line 30 m by
# 0.9 m with 20 m gaps, aiming point 45-60 m by 6-10 m, taxiway 15-23 m.
RUNWAY_WIDTH_M: Range = (30.0, 60.0)
RUNWAY_STRIPE_M = (30.0, 1.8)
RUNWAY_CENTRE_STRIPE_M = (30.0, 20.0, 0.9)
RUNWAY_AIMING_M = (50.0, 8.0)
TAXIWAY_WIDTH_M: Range = (15.0, 23.0)


@dataclass(frozen=True)
class AirframeM:
    """An aeroplane's plan in metres: enough for its silhouette."""

    length: float
    span: float
    fuselage: float
    root_chord: float
    tip_chord: float
    sweep_deg: float
    wing_from_nose: float
    tail_span: float
    num_engines: int
    height: float


# Source: manufacturers' airport planning documents (A320, B777-300ER, A340-600/B747 class, CRJ-900, ATR 72)
# and the Cessna 172 pilot's handbook.
AIRFRAMES: tuple[AirframeM, ...] = (
    AirframeM(37.6, 35.8, 3.95, 6.8, 1.6, 27.0, 0.34, 12.5, 2, 4.5),
    AirframeM(73.9, 64.8, 6.2, 13.5, 2.2, 33.0, 0.33, 21.5, 2, 7.0),
    AirframeM(70.7, 64.4, 6.5, 14.0, 3.0, 38.0, 0.28, 22.2, 4, 8.0),
    AirframeM(36.2, 24.9, 2.7, 5.2, 1.3, 26.0, 0.45, 8.5, 0, 3.5),
    AirframeM(27.2, 27.1, 2.9, 2.8, 1.6, 3.0, 0.42, 7.3, 2, 3.5),
    AirframeM(8.3, 11.0, 1.2, 1.6, 1.1, 0.0, 0.28, 3.4, 0, 1.8),
)

# Source: Lloyd's Register classes and recreational craft statistics: length and beam.
BOAT_LENGTH_M: Range = (5.0, 14.0)
SHIP_LENGTH_M: Range = (24.0, 150.0)

# Source: building surveys (TABULA typology, logistics halls 20-150 m, span greenhouses of 6.4-9.6 m bays).
HOUSE_LENGTH_M: Range = (9.0, 17.0)
HOUSE_WIDTH_M: Range = (7.0, 11.0)
EAVES_HEIGHT_M: Range = (3.0, 6.5)
ROOF_SLOPE_DEG: Range = (18.0, 45.0)
WAREHOUSE_HEIGHT_M: Range = (6.0, 14.0)
GREENHOUSE_BAY_M: Range = (6.4, 9.6)
POOL_LENGTH_M: Range = (6.0, 12.0)
TREE_RADIUS_M: Range = (1.8, 6.5)
