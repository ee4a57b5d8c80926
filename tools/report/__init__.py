"""The report of a run: one HTML page, text and JSON, from the records of its log.

facts.py reads, page.py puts together; between them one file for each section.
"""
