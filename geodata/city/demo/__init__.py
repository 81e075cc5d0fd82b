from geodata.city.demo.city import DEMO_NAME, write_demo_city
from geodata.city.demo.sample import sample_city

__all__ = ["DEMO_NAME", "sample_city", "write_demo_city"]
