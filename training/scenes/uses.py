"""Every use that a block can have, by the name that `themes.THEMES` calls it."""

from __future__ import annotations

from collections.abc import Callable

from geophrase.training.scenes import countryside, grounds, industry, settlement
from geophrase.training.scenes.plan import Block
from geophrase.training.scenes.site import Site

Use = Callable[[Site, Block], None]

USES: dict[str, Use] = {
    use.__name__: use
    for use in (
        *(settlement.residential, settlement.apartments, settlement.school, settlement.construction),
        *(
            industry.halls,
            industry.tanks,
            industry.containers,
            industry.lorries,
            industry.parking,
            industry.retail,
        ),
        *(grounds.park, grounds.courts, grounds.stadium, grounds.football, grounds.baseball),
        *(countryside.fields, countryside.woods, countryside.meadow, countryside.scrub),
        *(countryside.farm, countryside.greenhouses, countryside.solar),
    )
}
