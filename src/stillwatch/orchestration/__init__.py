"""Airflow's side of Stillwatch: shared defaults, assets, callbacks, and the embedded Airflow.

This is the only package that imports Airflow. The DAG files in `dags/` hold wiring alone; what a
task does is one function of another package.
"""
