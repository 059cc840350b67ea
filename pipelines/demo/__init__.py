"""A synthetic retailer: two years of trade that show everything Vouch does, from one seed."""

from pipelines.demo.generate import DemoHero
from pipelines.demo.load import DemoReport, load_demo

__all__ = ["DemoHero", "DemoReport", "load_demo"]
