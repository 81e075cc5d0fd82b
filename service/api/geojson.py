"""The shapes of GeoJSON that this server sends, for its description; RFC 7946, positions are longitude, latitude."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from geodata.streets.instructions import Maneuver

Position = tuple[float, float]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class PointGeometry(_Shape):
    """A point."""

    type: Literal["Point"]
    coordinates: Position


class LineStringGeometry(_Shape):
    """A line of two or more positions."""

    type: Literal["LineString"]
    coordinates: list[Position] = Field(min_length=2)


class PolygonGeometry(_Shape):
    """An area: its outer ring, then its holes."""

    type: Literal["Polygon"]
    coordinates: list[list[Position]]


class MultiPolygonGeometry(_Shape):
    """Several areas."""

    type: Literal["MultiPolygon"]
    coordinates: list[list[list[Position]]]


class Feature(_Shape):
    """A thing on the map; ``properties.kind`` says which kind of thing."""

    type: Literal["Feature"]
    id: str | None = None
    geometry: PointGeometry | LineStringGeometry | PolygonGeometry | MultiPolygonGeometry | None
    properties: dict[str, Any]


class FeatureCollection(_Shape):
    """Things on the map."""

    type: Literal["FeatureCollection"]
    features: list[Feature]


class TripProperties(_Shape):
    """A trip: the part of a route between two unloadings, drawn along the streets."""

    kind: Literal["trip"]
    vehicle: str
    shift: str
    trip: int = Field(description="From 1.")
    start: str = Field(description="ISO 8601 with the city's offset.")
    start_s: int = Field(description="Seconds from local midnight of the service day; may pass 86,400.")
    end: str
    end_s: int
    distance_m: int
    visits: int
    collected_kg: int
    streams: list[str]
    disposal_site: str | None


class ContainerRef(_Shape):
    """A container to empty."""

    id: str
    lon: float | None = None
    lat: float | None = None


class Turn(_Shape):
    """One thing to do on the way to a step."""

    maneuver: Maneuver
    street: str = Field(description="That one is on afterwards; empty where it has no name.")
    distance_m: int = Field(description="Until the next turn.")
    bearing_deg: int = Field(description="Which way one drives afterwards, clockwise from north.")
    lon: float
    lat: float
    text: str = Field(description="In words, in the language that was asked for.")


class StepProperties(_Shape):
    """A step: what to do, where and when."""

    kind: Literal["depart", "visit", "unload", "break", "return"]
    id: str = Field(description="Of the visit, disposal site or depot; of a break its number in the shift, from 0.")
    vehicle: str
    shift: str
    trip: int = Field(description="From 1.")
    step: int = Field(description="From 0, in order.")
    instruction: str = Field(description="What to do, in the language that was asked for, in English otherwise.")
    arrival: str = Field(description="ISO 8601 with the city's offset.")
    arrival_s: int = Field(description="Seconds from local midnight of the service day; may pass 86,400.")
    start: str
    start_s: int
    departure: str
    departure_s: int
    load_kg: int = Field(description="On board afterwards.")
    load_l: int = Field(description="On board afterwards, in litres as they lay in the bins.")
    leg_distance_m: int = Field(description="Driven since the last step that is no break.")
    leg_duration_s: int
    stop: str | None = Field(default=None, description="Of a visit: the place at the kerb.")
    stop_number: int | None = Field(
        default=None, description="Of a visit: from 1; visits in a row at one stop share it."
    )
    stream: str | None = None
    demand_kg: int | None = None
    demand_l: int | None = None
    containers: list[ContainerRef] | None = None
    under_way: bool | None = Field(default=None, description="Of a departure: the truck is on its way already.")
    way: list[Turn] | None = Field(default=None, description="How to drive here from the step before, turn by turn.")


class UnservedProperties(_Shape):
    """A visit that the plan leaves out."""

    kind: Literal["unserved"]
    id: str
    stop: str
    stream: str
    demand_kg: int
    demand_l: int
    containers: list[ContainerRef]
    reason: str
    detail: str


class TripFeature(_Shape):
    """A trip along the streets."""

    type: Literal["Feature"]
    id: str
    geometry: LineStringGeometry
    properties: TripProperties


class StepFeature(_Shape):
    """A step where it happens."""

    type: Literal["Feature"]
    id: str
    geometry: PointGeometry
    properties: StepProperties


class UnservedFeature(_Shape):
    """An unserved visit where its containers stand; the geometry is null where nobody knows."""

    type: Literal["Feature"]
    id: str
    geometry: PointGeometry | None
    properties: UnservedProperties


class RouteCollection(_Shape):
    """A driver's route: one LineString for each trip, then one Point for each step, in order."""

    type: Literal["FeatureCollection"]
    features: list[TripFeature | StepFeature]


class PlanCollection(_Shape):
    """All routes of a plan, then what stays unserved."""

    type: Literal["FeatureCollection"]
    features: list[TripFeature | StepFeature | UnservedFeature]
