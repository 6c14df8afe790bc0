<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>GeoPhrase</name>
    <message>
        <location filename="../gui/label_box.py"/>
        <source> (accepted)</source>
        <translation> (übernommen)</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source> (dropped)</source>
        <translation> (ausgelassen)</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source> m</source>
        <translation> m</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source> m per pixel</source>
        <translation> m pro Pixel</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source> min</source>
        <translation> min</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source> m²</source>
        <translation> m²</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source> px</source>
        <translation> px</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source> {unit} per pixel</source>
        <translation> {unit} pro Pixel</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>1 polygon</source>
        <translation>1 Polygon</translation>
    </message>
    <message>
        <location filename="../gui/welcome_page.py"/>
        <source>&lt;b&gt;Type a phrase, get polygons&lt;/b&gt;</source>
        <translation>&lt;b&gt;Text eingeben, Polygone erhalten&lt;/b&gt;</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>&lt;b&gt;{device}&lt;/b&gt; · {activity}</source>
        <translation>&lt;b&gt;{device}&lt;/b&gt; · {activity}</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>A box belongs to the points whose field has the same value. Empty: to none.</source>
        <translation>Ein Rechteck gehört zu den Punkten, deren Feld denselben Wert hat. Leer: zu keinen.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>A file could not be written, often because an antivirus program or a running engine holds it.</source>
        <translation>Eine Datei konnte nicht geschrieben werden, oft weil ein Virenschutz oder eine laufende Engine sie festhält.</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>A folder that holds every package as a wheel; nothing is then downloaded.</source>
        <translation>Ein Ordner, der jedes Paket als Wheel enthält; dann wird nichts heruntergeladen.</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>A layer whose features&apos; extents are boxes around one object each, in any coordinate system</source>
        <translation>Ein Layer, dessen Objekte mit ihrer Ausdehnung je ein Ding umgeben, in einem beliebigen Koordinatensystem</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>A package could not be installed.</source>
        <translation>Ein Paket konnte nicht installiert werden.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>A path is longer than Windows allows.</source>
        <translation>Ein Pfad ist länger, als Windows erlaubt.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>A phrase for each object.</source>
        <translation>Ein Suchbegriff für jedes Objekt.</translation>
    </message>
    <message>
        <location filename="../core/segment/queries.py"/>
        <source>A phrase has {count} characters. Use at most {most}.</source>
        <translation>Ein Suchbegriff hat {count} Zeichen. Verwenden Sie höchstens {most}.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>A phrase that helps the model, such as &quot;building&quot;. A field that has one goes before it.</source>
        <translation>Ein Suchbegriff auf Englisch, der dem Modell hilft, etwa „building“. Ein Feld, das einen hat, geht vor.</translation>
    </message>
    <message>
        <location filename="../processing/prompted_objects.py"/>
        <source>A point has the label &apos;{label}&apos;. Use 1 for points on the object and 0 for points beside it.</source>
        <translation>Ein Punkt hat die Bezeichnung &apos;{label}&apos;. Verwenden Sie 1 für Punkte auf dem Objekt und 0 für Punkte daneben.</translation>
    </message>
    <message>
        <location filename="../core/export/labelled.py"/>
        <source>A polygon has no phrase; type the phrase that the polygons answer.</source>
        <translation>Ein Polygon hat keinen Suchbegriff; geben Sie den Suchbegriff ein, den die Polygone beantworten.</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>A raster file with a band of probabilities.</source>
        <translation>Eine Rasterdatei mit einem Band von Wahrscheinlichkeiten.</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Accept</source>
        <translation>Übernehmen</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Accept / export…</source>
        <translation>Übernehmen / Export …</translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>Accept polygons</source>
        <translation>Polygone übernehmen</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Accept the polygons into a layer or a file, or save them as training data</source>
        <translation>Polygone in einen Layer oder eine Datei übernehmen oder als Trainingsdaten speichern</translation>
    </message>
    <message>
        <location filename="../gui/refine_controller.py"/>
        <source>Accepted into {layer}. Ctrl+Z there takes it back; save the layer&apos;s edits to keep it.</source>
        <translation>In {layer} übernommen. Strg+Z macht es dort rückgängig; speichern Sie die Layeränderungen, um es zu behalten.</translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>Add a raster layer to the project first: a file, an XYZ map, a WMS…</source>
        <translation>Fügen Sie dem Projekt zuerst einen Rasterlayer hinzu: eine Datei, eine XYZ-Karte, einen WMS …</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Add the fields that the layer lacks</source>
        <translation>Felder hinzufügen, die dem Layer fehlen</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Add to the project</source>
        <translation>Zum Projekt hinzufügen</translation>
    </message>
    <message>
        <location filename="../gui/label_controller.py"/>
        <source>All boxes are labelled: {accepted} accepted, {dropped} dropped. They are in {layer}.</source>
        <translation>Alle Rechtecke sind bearbeitet: {accepted} übernommen, {dropped} ausgelassen. Sie sind in {layer}.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>All images of a training must have the same; RISORS has 800.</source>
        <translation>Alle Bilder eines Trainings müssen dieselbe haben; RISORS hat 800.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>All points and boxes lie beside the raster. Check the layers&apos; coordinate systems.</source>
        <translation>Alle Punkte und Rechtecke liegen neben dem Raster. Prüfen Sie die Koordinatensysteme der Layer.</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Allow {folder} in your antivirus program, then press Retry.</source>
        <translation>Geben Sie {folder} in Ihrem Virenschutz frei, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>An engine that is installed already: the geophrase program, or its environment&apos;s folder.</source>
        <translation>Eine schon installierte Engine: das Programm geophrase oder der Ordner seiner Umgebung.</translation>
    </message>
    <message>
        <location filename="../core/environment/lock.py"/>
        <source>Another QGIS window is installing or removing this engine.</source>
        <translation>Ein anderes QGIS-Fenster installiert oder entfernt diese Engine gerade.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <location filename="../processing/segment_by_text.py"/>
        <source>Any raster layer: a file, or tiles and maps from the web.</source>
        <translation>Ein beliebiger Rasterlayer: eine Datei oder Kacheln und Karten aus dem Netz.</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Any raster layer: local files as well as XYZ, WMS and other online maps</source>
        <translation>Jeder Rasterlayer: lokale Dateien ebenso wie XYZ, WMS und andere Online-Karten</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Apple GPU (MPS)</source>
        <translation>Apple-GPU (MPS)</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>As one image</source>
        <translation>Als ein Bild</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Ask your administrator for the certificate and name its file in the variable PIP_CERT.</source>
        <translation>Bitten Sie Ihre Administration um das Zertifikat, und nennen Sie dessen Datei in der Variablen PIP_CERT.</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Band</source>
        <translation>Band</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Bands shown as red, green and blue</source>
        <translation>Als Rot, Grün und Blau gezeigte Bänder</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Boxes</source>
        <translation>Rechtecke</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Boxes to label</source>
        <translation>Rechtecke beschriften</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <location filename="../gui/setup_form.py"/>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>Cancel export</source>
        <translation>Export abbrechen</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Cancelled before the engine had started; the output is empty.</source>
        <translation>Abgebrochen, bevor die Engine gestartet war; die Ausgabe ist leer.</translation>
    </message>
    <message>
        <location filename="../processing/job_algorithm.py"/>
        <source>Cancelled. Polygons found so far, which are kept: {count}.</source>
        <translation>Abgebrochen. Bisher gefundene Polygone, die erhalten bleiben: {count}.</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Cancelled. What is finished is kept: press Retry to go on.</source>
        <translation>Abgebrochen. Was fertig ist, bleibt erhalten: Drücken Sie „Wiederholen“, um fortzufahren.</translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Cancelled: nothing was found until then.</source>
        <translation>Abgebrochen: Bis dahin wurde nichts gefunden.</translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Cancelled: the layer of its polygons was removed.</source>
        <translation>Abgebrochen: Der Layer mit den Polygonen wurde entfernt.</translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Cancelled: the {count} polygons found so far are kept.</source>
        <translation>Abgebrochen: Die {count} bisher gefundenen Polygone bleiben erhalten.</translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>Cancelled; what is finished is kept.</source>
        <translation>Abgebrochen; was fertig ist, bleibt erhalten.</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Cancelling…</source>
        <translation>Wird abgebrochen …</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Check that the address in requirements/{name} can be reached, or choose the CPU.</source>
        <translation>Prüfen Sie, ob die Adresse in requirements/{name} zu erreichen ist, oder wählen Sie die CPU.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Check the network and the proxy in QGIS&apos;s options (Network), or give a folder of wheels.</source>
        <translation>Prüfen Sie das Netzwerk und den Proxy in den QGIS-Optionen (Netzwerk), oder geben Sie einen Ordner mit Wheels an.</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Checking the installation</source>
        <translation>Die Installation wird geprüft</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Checks the engine and says why a GPU is not used.</source>
        <translation>Prüft die Engine und sagt, warum eine GPU nicht verwendet wird.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Choose a folder with a short path, such as C:\geophrase, then press Retry.</source>
        <translation>Wählen Sie einen Ordner mit kurzem Pfad, zum Beispiel C:\geophrase, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Choose a mask with the buttons or the keys 1 to 3, or click on; Enter accepts.</source>
        <translation>Wählen Sie mit den Knöpfen oder den Tasten 1 bis 3 eine Maske, oder klicken Sie weiter; Eingabe übernimmt.</translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>Choose a polygon layer in the layer panel and select polygons in it.</source>
        <translation>Wählen Sie im Layerbedienfeld einen Polygonlayer und darin Polygone aus.</translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>Choose another Python, or leave the choice empty.</source>
        <translation>Wählen Sie ein anderes Python, oder lassen Sie die Auswahl leer.</translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>Choose another folder.</source>
        <translation>Wählen Sie einen anderen Ordner.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Click adds, right-click removes; Enter accepts, Escape discards.</source>
        <translation>Klicken ergänzt, Rechtsklick entfernt; Eingabe übernimmt, Esc verwirft.</translation>
    </message>
    <message>
        <location filename="../gui/refine_controller.py"/>
        <source>Click an object: left adds, right removes, a drag is a box. Enter accepts, Esc discards.</source>
        <translation>Klicken Sie ein Objekt an: links ergänzt, rechts entfernt, Ziehen ergibt ein Rechteck. Eingabe übernimmt, Esc verwirft.</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Click on the map: left adds, right takes away, a drag is a box. The first click on a polygon takes it up, with Shift it begins a new one. Enter accepts, Escape discards.</source>
        <translation>Klicken Sie auf die Karte: links ergänzt, rechts entfernt, Ziehen ergibt ein Rechteck. Der erste Klick auf ein Polygon nimmt es auf, mit Umschalt beginnt er ein neues. Eingabe übernimmt, Esc verwirft.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Click what the polygon lacks, right-click what is too much; Escape leaves it as it is.</source>
        <translation>Klicken Sie an, was dem Polygon fehlt, und mit rechts, was zu viel ist; Esc lässt es, wie es ist.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Close other QGIS windows, allow the folder in the antivirus program, then press Retry.</source>
        <translation>Schließen Sie andere QGIS-Fenster, geben Sie den Ordner im Virenschutz frei, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Column of phrases</source>
        <translation>Spalte mit den Suchbegriffen</translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>Copied: {command}</source>
        <translation>Kopiert: {command}</translation>
    </message>
    <message>
        <location filename="../gui/doctor_dialog.py"/>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Copy as command</source>
        <translation>Als Befehl kopieren</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Correct them in QGIS&apos;s options (Network), then press Retry.</source>
        <translation>Berichtigen Sie beides in den QGIS-Optionen (Netzwerk), und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Creating the environment</source>
        <translation>Die Umgebung wird angelegt</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Default</source>
        <translation>Vorgabe</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Detail</source>
        <translation>Auflösung</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <location filename="../gui/options_page.py"/>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <location filename="../gui/setup_form.py"/>
        <source>Doctor</source>
        <translation>Diagnose</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Downloads about {download:.1f} GB from the Python Package Index and takes {disk:.1f} GB.</source>
        <translation>Lädt etwa {download:.1f} GB vom Python Package Index herunter und belegt {disk:.1f} GB.</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Draw a box</source>
        <translation>Rechteck zeichnen</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Draw the box on the map</source>
        <translation>Rechteck auf der Karte zeichnen</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Drawing the layer for the engine: {done} of {total}</source>
        <translation>Layer wird für die Engine gezeichnet: {done} von {total}</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Drawn box</source>
        <translation>Gezeichnetes Rechteck</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Drop</source>
        <translation>Auslassen</translation>
    </message>
    <message>
        <location filename="../core/refine/refine_engine.py"/>
        <source>Encoding the view…</source>
        <translation>Die Ansicht wird kodiert …</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Encodings are kept in</source>
        <translation>Kodierungen liegen in</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Engine</source>
        <translation>Engine</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Engine {version}, {memory:.1f} GB of memory in use.
{reason}</source>
        <translation>Engine {version}, {memory:.1f} GB Speicher belegt.
{reason}</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>Every polygon carries its phrase, the mean probability inside it (score), its area and perimeter on the ground, and the model and raster that it comes from. A cancelled run keeps the polygons found so far.</source>
        <translation>Jedes Polygon trägt seinen Suchbegriff, die mittlere Wahrscheinlichkeit darin (score), Fläche und Umfang am Boden sowie das Modell und das Raster, von denen es stammt. Ein abgebrochener Lauf behält die bisher gefundenen Polygone.</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>Export</source>
        <translation>Exportieren</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>Export polygons of {name}</source>
        <translation>Polygone von {name} exportieren</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Export training data</source>
        <translation>Trainingsdaten exportieren</translation>
    </message>
    <message>
        <location filename="../gui/export_controller.py"/>
        <source>Exported into {layer}.</source>
        <translation>Nach {layer} exportiert.</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Extent</source>
        <translation>Ausdehnung</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Features left out because they have no geometry in the raster&apos;s coordinates: {count}.</source>
        <translation>Ausgelassene Vektorobjekte, weil sie in den Koordinaten des Rasters keine Geometrie haben: {count}.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of boxes: what the object is</source>
        <translation>Feld der Rechtecke: was das Objekt ist</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of boxes: which object</source>
        <translation>Feld der Rechtecke: welches Objekt</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of points: on the object (1) or beside it (0)</source>
        <translation>Feld der Punkte: auf dem Objekt (1) oder daneben (0)</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of points: what the object is</source>
        <translation>Feld der Punkte: was das Objekt ist</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of points: which object</source>
        <translation>Feld der Punkte: welches Objekt</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Field with the phrase</source>
        <translation>Feld mit dem Suchbegriff</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>File</source>
        <translation>Datei</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Fill all holes</source>
        <translation>Alle Löcher füllen</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Fill holes below</source>
        <translation>Löcher füllen unter</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <location filename="../gui/segment_page.py"/>
        <source>Find</source>
        <translation>Suchen</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Find what the query names (Enter in the query line)</source>
        <translation>Finden, was die Suchanfrage nennt (Eingabetaste in der Suchzeile)</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>Finds what phrases name in a raster and outlines it with polygons.</source>
        <translation>Findet in einem Raster, was Suchbegriffe nennen, und umreißt es mit Polygonen.</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <location filename="../gui/setup_form.py"/>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Folder of the engine</source>
        <translation>Ordner der Engine</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <location filename="../processing/export_training_data.py"/>
        <source>Folder of training data</source>
        <translation>Ordner der Trainingsdaten</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Folder of wheels</source>
        <translation>Ordner mit Wheels</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>For the output of any model that writes probabilities as a raster. Every polygon carries the mean probability inside it (score) and its area and perimeter on the ground.</source>
        <translation>Für die Ausgabe jedes Modells, das Wahrscheinlichkeiten als Raster schreibt. Jedes Polygon trägt die mittlere Wahrscheinlichkeit darin (score) sowie Fläche und Umfang am Boden.</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Forget earlier queries</source>
        <translation>Frühere Suchanfragen vergessen</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Found 1 polygon for {queries} in {seconds} s.</source>
        <translation>1 Polygon für {queries} in {seconds} s gefunden.</translation>
    </message>
    <message>
        <location filename="../core/segment/layer.py"/>
        <source>Found in {source} by {model} ({weights}) at {created}: {queries}</source>
        <translation>In {source} von {model} ({weights}) am {created} gefunden: {queries}</translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Found {count} polygons for {queries} in {seconds} s.</source>
        <translation>{count} Polygone für {queries} in {seconds} s gefunden.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <location filename="../core/environment/install.py"/>
        <source>Free some space or choose a folder on another disk, then press Retry.</source>
        <translation>Schaffen Sie Platz oder wählen Sie einen Ordner auf einem anderen Datenträger, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../gui/dock.py"/>
        <location filename="../gui/options_page.py"/>
        <location filename="../processing/provider.py"/>
        <source>GeoPhrase</source>
        <translation>GeoPhrase</translation>
    </message>
    <message>
        <location filename="../gui/welcome_page.py"/>
        <source>GeoPhrase searches raster layers with an engine that runs on this computer. It isn&apos;t installed yet: set it up once, in a folder of its own. Nothing is put into QGIS&apos;s Python, and your imagery stays here.</source>
        <translation>GeoPhrase durchsucht Rasterlayer mit einer Engine, die auf diesem Rechner läuft. Sie ist noch nicht installiert: Richten Sie sie einmal in einem eigenen Ordner ein. In das Python von QGIS wird nichts installiert, und Ihre Bilddaten bleiben hier.</translation>
    </message>
    <message>
        <location filename="../gui/doctor_dialog.py"/>
        <source>GeoPhrase: doctor</source>
        <translation>GeoPhrase: Diagnose</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>GeoPhrase: find by a phrase</source>
        <translation>GeoPhrase: mit Worten suchen</translation>
    </message>
    <message>
        <location filename="../core/segment/outliner.py"/>
        <source>GeoPhrase: new outlines</source>
        <translation>GeoPhrase: neue Umrisse</translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>GeoPhrase: new polygon</source>
        <translation>GeoPhrase: neues Polygon</translation>
    </message>
    <message>
        <location filename="../processing/provider.py"/>
        <source>GeoPhrase: objects by phrases, points and boxes</source>
        <translation>GeoPhrase: Objekte aus Suchbegriffen, Punkten und Rechtecken</translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>GeoPhrase: refined polygon</source>
        <translation>GeoPhrase: verfeinertes Polygon</translation>
    </message>
    <message>
        <location filename="../gui/setup_dialog.py"/>
        <source>GeoPhrase: set up the engine</source>
        <translation>GeoPhrase: Engine einrichten</translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>GeoPhrase: {queries}</source>
        <translation>GeoPhrase: {queries}</translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>Give the path of an engine that is installed elsewhere.</source>
        <translation>Geben Sie den Pfad einer Engine an, die anderswo installiert ist.</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Goes from box to box. Masks are proposed for each: accept one, correct it with clicks, or drop the box. Every label is saved at once, and next time the walk goes on here.</source>
        <translation>Geht von Rechteck zu Rechteck und schlägt Masken vor: Übernehmen Sie eine, verbessern Sie sie mit Klicks, oder lassen Sie das Rechteck aus. Alles wird sofort gespeichert, und beim nächsten Mal geht es hier weiter.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Ground size of the images&apos; pixels. Empty: the raster&apos;s own.</source>
        <translation>Größe der Bildpixel am Boden. Leer: die des Rasters.</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Ground size of the pixels that the model sees. Empty: the raster&apos;s own pixels. A coarser one is faster and finds large objects better.</source>
        <translation>Größe der Pixel, die das Modell sieht, am Boden. Leer: die eigenen Pixel des Rasters. Gröbere sind schneller und finden große Objekte besser.</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>How far an outline may move to lose vertices. Empty: outlines follow the pixel edges.</source>
        <translation>Wie weit sich ein Umriss bewegen darf, um Stützpunkte zu verlieren. Leer: Umrisse folgen den Pixelkanten.</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>How far the new outline may be from the found one, in metres on the ground in every CRS.</source>
        <translation>Wie weit der neue Umriss vom gefundenen abweichen darf, in jedem KBS in Metern am Boden.</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>How long the model stays in memory after the last request.</source>
        <translation>Wie lange das Modell nach der letzten Anfrage im Speicher bleibt.</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>Image side</source>
        <translation>Bildseite</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>Images are cut from the layer around the polygons, as it is shown now. What is not a polygon counts as not meant by the phrase, so complete the polygons before you save them.</source>
        <translation>Bilder werden um die Polygone herum aus dem Layer geschnitten, so wie er gerade dargestellt ist. Was kein Polygon ist, gilt als vom Suchbegriff nicht gemeint; vervollständigen Sie die Polygone also vor dem Speichern.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Images are cut from the raster around the polygons; each has the phrases that occur in it and the mask of everything that a phrase names there, in the RISORS format. A folder that has training data already is added to. Mark all the objects of a phrase: what is not marked in an image counts as something else.</source>
        <translation>Bilder werden um die Polygone herum aus dem Raster geschnitten; zu jedem gehören die Suchbegriffe, die darin vorkommen, und die Maske von allem, was ein Suchbegriff dort benennt, im RISORS-Format. Ein Ordner, der schon Trainingsdaten hat, wird ergänzt. Markieren Sie alle Objekte eines Suchbegriffs: Was in einem Bild nicht markiert ist, gilt als etwas anderes.</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>Images from</source>
        <translation>Bilder aus</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Images left out because they overlap images of another split: {count}.</source>
        <translation>Ausgelassene Bilder, weil sie Bilder einer anderen Teilmenge überlappen: {count}.</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <location filename="../gui/setup_page.py"/>
        <source>Install</source>
        <translation>Installieren</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Install Python 3.12 or uv, then press Retry; if that doesn&apos;t help, report it with the log.</source>
        <translation>Installieren Sie Python 3.12 oder uv, und drücken Sie dann „Wiederholen“; hilft das nicht, melden Sie den Fehler mit dem Protokoll.</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Install an engine of GeoPhrase&apos;s own</source>
        <translation>Eine eigene Engine für GeoPhrase installieren</translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>Install it (on Debian: sudo apt install python3-venv) or install uv, then press Retry.</source>
        <translation>Installieren Sie es (unter Debian: sudo apt install python3-venv) oder uv, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>Install uv (docs.astral.sh/uv) or Python {version} (python.org), then press Retry.</source>
        <translation>Installieren Sie uv (docs.astral.sh/uv) oder Python {version} (python.org), und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Install uv, which can, or use an HTTP proxy or a folder of wheels, then press Retry.</source>
        <translation>Installieren Sie uv, das es kann, oder verwenden Sie einen HTTP-Proxy oder einen Ordner mit Wheels, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Installed engine</source>
        <translation>Installierte Engine</translation>
    </message>
    <message>
        <location filename="../core/environment/background_installation.py"/>
        <location filename="../core/environment/steps.py"/>
        <source>Installing GeoPhrase&apos;s engine</source>
        <translation>GeoPhrases Engine wird installiert</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Installing PyTorch</source>
        <translation>PyTorch wird installiert</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Installing SAM 2 and the text encoder</source>
        <translation>SAM 2 und der Textencoder werden installiert</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Installing the engine&apos;s libraries</source>
        <translation>Die Bibliotheken der Engine werden installiert</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Label</source>
        <translation>Bezeichnung</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Label the boxes</source>
        <translation>Rechtecke durchgehen</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <location filename="../gui/segment_page.py"/>
        <source>Layer</source>
        <translation>Layer</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Layer of boxes</source>
        <translation>Layer mit Rechtecken</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Layer of this project</source>
        <translation>Layer dieses Projekts</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Leave out polygons below</source>
        <translation>Polygone auslassen unter</translation>
    </message>
    <message>
        <location filename="../gui/label_controller.py"/>
        <source>Left out, because they lie beside the raster or have no extent: {count}.</source>
        <translation>Ausgelassen, weil sie neben dem Raster liegen oder keine Ausdehnung haben: {count}.</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Licence of the weights: {licence}</source>
        <translation>Lizenz der Gewichte: {licence}</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Looking at this computer…</source>
        <translation>Dieser Rechner wird untersucht …</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Looking for Python</source>
        <translation>Python wird gesucht</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Map view</source>
        <translation>Kartenausschnitt</translation>
    </message>
    <message>
        <location filename="../gui/mask_choice.py"/>
        <source>Mask {number}, predicted IoU {iou:.2f}: press {number}, or hold the mouse here to see it</source>
        <translation>Maske {number}, geschätzte IoU {iou:.2f}: Taste {number}; unter der Maus wird sie gezeigt</translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>Min. area</source>
        <translation>Mindestfl.</translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>Minimum area</source>
        <translation>Mindestfläche</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Minimum area (square metres)</source>
        <translation>Mindestfläche (Quadratmeter)</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <location filename="../gui/options_page.py"/>
        <location filename="../processing/parameters.py"/>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <location filename="../gui/setup_form.py"/>
        <source>NVIDIA GPU (CUDA)</source>
        <translation>NVIDIA-GPU (CUDA)</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Name of the model. Empty: the model of GeoPhrase&apos;s settings, which may be a weights file.</source>
        <translation>Name des Modells. Leer: das Modell aus GeoPhrases Einstellungen, das auch eine Datei mit Gewichten sein kann.</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>New file</source>
        <translation>Neue Datei</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>New, or one that has training data already.</source>
        <translation>Neu, oder einer, der schon Trainingsdaten hat.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>No NVIDIA GPU with a driver was found (nvidia-smi is missing or lists none).</source>
        <translation>Keine NVIDIA-GPU mit Treiber gefunden (nvidia-smi fehlt oder listet keine auf).</translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>No Python 3.10 or newer was found on this computer.</source>
        <translation>Auf diesem Rechner wurde kein Python 3.10 oder neuer gefunden.</translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>No accepted polygon lies on the layer; choose the one they were found on.</source>
        <translation>Kein übernommenes Polygon liegt auf dem Layer; wählen Sie den, auf dem sie gefunden wurden.</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>No box is drawn yet. Press the button beside the choice and draw it.</source>
        <translation>Es ist noch kein Rechteck gezeichnet. Drücken Sie die Schaltfläche neben der Auswahl, und zeichnen Sie es.</translation>
    </message>
    <message>
        <location filename="../gui/label_controller.py"/>
        <source>No box lies on the raster layer. Choose the layer that the boxes were drawn on.</source>
        <translation>Kein Rechteck liegt auf dem Rasterlayer. Wählen Sie den Layer, auf dem die Rechtecke gezeichnet wurden.</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>No engine is installed yet. Nothing is downloaded before you press Install.</source>
        <translation>Es ist noch keine Engine installiert. Nichts wird heruntergeladen, bevor Sie „Installieren“ drücken.</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>No engine is installed yet. Press Install first.</source>
        <translation>Es ist noch keine Engine installiert. Drücken Sie zuerst „Installieren“.</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>No engine is installed. &lt;a href=&quot;setup&quot;&gt;Set up…&lt;/a&gt;</source>
        <translation>Es ist keine Engine installiert. &lt;a href=&quot;setup&quot;&gt;Einrichten …&lt;/a&gt;</translation>
    </message>
    <message>
        <location filename="../core/settings.py"/>
        <location filename="../gui/engine_controller.py"/>
        <source>No engine is installed. Open the GeoPhrase panel and press Set up.</source>
        <translation>Es ist keine Engine installiert. Öffnen Sie das GeoPhrase-Bedienfeld, und drücken Sie „Einrichten“.</translation>
    </message>
    <message>
        <location filename="../core/refine/crop_sessions.py"/>
        <source>No picture of this place arrived from {name}; check the connection, then click again.</source>
        <translation>Von {name} kam kein Bild dieser Stelle an; prüfen Sie die Verbindung, und klicken Sie dann noch einmal.</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>No result yet. The sliders apply to the next run.</source>
        <translation>Noch kein Ergebnis. Die Regler gelten für den nächsten Lauf.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Nothing is marked. Choose a layer of points, or a layer of polygons whose boxes are used.</source>
        <translation>Nichts ist markiert. Wählen Sie einen Punktlayer oder einen Polygonlayer, dessen umschließende Rechtecke verwendet werden.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Nothing is marked. Put a point on an object, or draw a box around it.</source>
        <translation>Nichts ist markiert. Setzen Sie einen Punkt auf ein Objekt, oder zeichnen Sie ein Rechteck darum.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Nothing is outlined yet; click on the object, then accept it.</source>
        <translation>Noch ist nichts umrissen; klicken Sie auf das Objekt, und übernehmen Sie es dann.</translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>Nothing is selected in the layer {name}. Select the polygons to look in.</source>
        <translation>Im Layer {name} ist nichts ausgewählt. Wählen Sie die Polygone aus, in denen gesucht werden soll.</translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Nothing was found for {queries}. Lower the threshold, or use other words.</source>
        <translation>Für {queries} wurde nichts gefunden. Senken Sie die Schwelle, oder verwenden Sie andere Wörter.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Nothing was found there; click again, or undo.</source>
        <translation>Dort wurde nichts gefunden; klicken Sie noch einmal, oder machen Sie den Klick rückgängig.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Number of images</source>
        <translation>Anzahl der Bilder</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Number of polygons in them</source>
        <translation>Anzahl der Polygone darin</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Objects left out because the raster has no data around them: {count}.</source>
        <translation>Ausgelassene Objekte, weil das Raster um sie herum keine Daten hat: {count}.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Objects left out because they have only points beside them: {count}.</source>
        <translation>Ausgelassene Objekte, weil sie nur Punkte daneben haben: {count}.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Objects left out because they lie beside the raster: {count}.</source>
        <translation>Ausgelassene Objekte, weil sie neben dem Raster liegen: {count}.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Objects outlined: {found} of {objects}</source>
        <translation>Umrissene Objekte: {found} von {objects}</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>One phrase per line, or several between semicolons, such as &quot;storage tanks; the large white building&quot;. Each becomes a category; all are found in one pass.</source>
        <translation>Ein Suchbegriff pro Zeile, oder mehrere mit Semikolon dazwischen, auf Englisch, etwa „storage tanks; the large white building“. Jeder wird eine Kategorie; alle werden in einem Durchgang gefunden.</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Only a CPU build of PyTorch could be had, so the GPU would stay unused.</source>
        <translation>Es war nur eine CPU-Fassung von PyTorch zu bekommen, womit die GPU ungenutzt bliebe.</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Only this part of the raster, in any coordinate system. Empty: all of it.</source>
        <translation>Nur dieser Teil des Rasters, in einem beliebigen Koordinatensystem. Leer: alles.</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Outlines</source>
        <translation>Umrisse</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Outlines the objects that points or boxes of vector layers mark on a raster.</source>
        <translation>Umreißt die Objekte, die Punkte oder Rechtecke von Vektorlayern auf einem Raster markieren.</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Outlines the places of a raster where a probability reaches a threshold.</source>
        <translation>Umreißt die Stellen eines Rasters, an denen eine Wahrscheinlichkeit einen Schwellenwert erreicht.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Outlining objects: {objects}, images to encode: {crops}</source>
        <translation>Objekte werden umrissen: {objects}, zu kodierende Bilder: {crops}</translation>
    </message>
    <message>
        <location filename="../core/segment/job.py"/>
        <source>Parts of the layer did not arrive ({problem}) and count as no data. Try again later.</source>
        <translation>Teile des Layers sind nicht angekommen ({problem}) und gelten als Nodata. Versuchen Sie es später noch einmal.</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <location filename="../gui/label_box.py"/>
        <source>Phrase</source>
        <translation>Suchbegriff</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Phrase for all</source>
        <translation>Suchbegriff für alle</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>Pixel side</source>
        <translation>Pixelseite</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>Pixel side of the map view</source>
        <translation>Pixelseite des Kartenausschnitts</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>Pixel size (map units)</source>
        <translation>Pixelgröße (Karteneinheiten)</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Points</source>
        <translation>Punkte</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Points on the objects, in any coordinate system.</source>
        <translation>Punkte auf den Objekten, in einem beliebigen Koordinatensystem.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Points with a 0 say what does not belong to the object. Empty: all are on it.</source>
        <translation>Punkte mit einer 0 sagen, was nicht zum Objekt gehört. Leer: Alle liegen darauf.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Points with the same value mark one object, together with a box of that value. Empty: every point is an object of its own.</source>
        <translation>Punkte mit demselben Wert markieren ein Objekt, zusammen mit einem Rechteck dieses Werts. Leer: Jeder Punkt ist ein eigenes Objekt.</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Polygonise probabilities</source>
        <translation>Wahrscheinlichkeiten polygonisieren</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <location filename="../processing/export_training_data.py"/>
        <source>Polygons</source>
        <translation>Polygone</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Polygons larger than an image, which shows a part of them: {count}.</source>
        <translation>Polygone, die größer als ein Bild sind, das nur einen Teil zeigt: {count}.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Polygons left out because they have no phrase: {count}.</source>
        <translation>Ausgelassene Polygone, weil sie keinen Suchbegriff haben: {count}.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Polygons left out because they lie beside the raster: {count}.</source>
        <translation>Ausgelassene Polygone, weil sie neben dem Raster liegen: {count}.</translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>Polygons of {query}: {count}</source>
        <translation>Polygone für {query}: {count}</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Polygons smaller than this on the ground are dropped. Empty: all are kept.</source>
        <translation>Polygone, die am Boden kleiner sind, entfallen. Leer: alle bleiben.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Polygons, each of which stands for its bounding box, in any coordinate system.</source>
        <translation>Polygone, die jeweils für ihr umschließendes Rechteck stehen, in einem beliebigen Koordinatensystem.</translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>Preparing</source>
        <translation>Vorbereitung</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Preparing the installation of packages</source>
        <translation>Die Installation der Pakete wird vorbereitet</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Press Retry, or report it with the log.</source>
        <translation>Drücken Sie „Wiederholen“, oder melden Sie den Fehler mit dem Protokoll.</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Preview</source>
        <translation>Vorschau</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Private environment</source>
        <translation>Eigene Umgebung</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Probabilities</source>
        <translation>Wahrscheinlichkeiten</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Probability from which a pixel belongs to an object: lower finds more, higher only the certain.</source>
        <translation>Wahrscheinlichkeit, ab der ein Pixel zu einem Objekt gehört: niedriger findet mehr, höher nur das Sichere.</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Processor (CPU)</source>
        <translation>Prozessor (CPU)</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Progress</source>
        <translation>Fortschritt</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Put its wheel into {folder}, then press Retry.</source>
        <translation>Legen Sie das passende Wheel in {folder}, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Put the same run on the clipboard as a command line</source>
        <translation>Denselben Lauf als Befehlszeile in die Zwischenablage legen</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>PyTorch for macOS uses the processor, and Apple&apos;s GPU where there is one.</source>
        <translation>PyTorch für macOS verwendet den Prozessor und, wo es eine gibt, die GPU von Apple.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>PyTorch is no longer built for Macs with Intel processors; use an engine installed elsewhere.</source>
        <translation>PyTorch wird nicht mehr für Macs mit Intel-Prozessor hergestellt; verwenden Sie eine anderswo installierte Engine.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>PyTorch is not built for {machine} processors.</source>
        <translation>PyTorch wird nicht für {machine}-Prozessoren hergestellt.</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>QGIS draws this layer for the engine, at this pixel side in the layer&apos;s own units. Smaller shows more detail and takes longer.</source>
        <translation>QGIS zeichnet diesen Layer für die Engine mit dieser Pixelseite in den Einheiten des Layers. Kleiner zeigt mehr Einzelheiten und dauert länger.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <location filename="../processing/segment_by_prompts.py"/>
        <location filename="../processing/segment_by_text.py"/>
        <source>Raster</source>
        <translation>Raster</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Raster layer</source>
        <translation>Rasterlayer</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Redo the click</source>
        <translation>Klick wiederherstellen</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Refine</source>
        <translation>Verfeinern</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Remove GeoPhrase&apos;s engine and everything that was installed with it?</source>
        <translation>GeoPhrases Engine und alles, was mit ihr installiert wurde, entfernen?</translation>
    </message>
    <message>
        <location filename="../core/environment/background_installation.py"/>
        <source>Removing GeoPhrase&apos;s engine</source>
        <translation>GeoPhrases Engine wird entfernt</translation>
    </message>
    <message>
        <location filename="../core/environment/background_installation.py"/>
        <source>Removing the engine</source>
        <translation>Die Engine wird entfernt</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Resolution (metres per pixel)</source>
        <translation>Auflösung (Meter pro Pixel)</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Retry</source>
        <translation>Wiederholen</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Right angles, for buildings</source>
        <translation>Rechte Winkel, für Gebäude</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Rounds of smoothing</source>
        <translation>Glättungsdurchgänge</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Runs on</source>
        <translation>Läuft auf</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>Save as training data</source>
        <translation>Als Trainingsdaten speichern</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Save the polygons as</source>
        <translation>Polygone speichern als</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Save this outline and go on to the next open box (Enter on the map)</source>
        <translation>Diesen Umriss speichern und zum nächsten offenen Rechteck gehen (Eingabe auf der Karte)</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Saves polygons and the raster below them as training data for GeoPhrase&apos;s models.</source>
        <translation>Speichert Polygone und das Raster darunter als Trainingsdaten für GeoPhrases Modelle.</translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>Searching</source>
        <translation>Suche läuft</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>See the log below, then press Retry.</source>
        <translation>Sehen Sie im Protokoll unten nach, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../core/environment/doctor.py"/>
        <source>See what it said below; press Retry to install it again.</source>
        <translation>Unten steht, was sie meldete; drücken Sie „Wiederholen“, um sie neu zu installieren.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Segment by points and boxes</source>
        <translation>Nach Punkten und Rechtecken segmentieren</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>Segment by text</source>
        <translation>Nach Text segmentieren</translation>
    </message>
    <message>
        <location filename="../processing/algorithm.py"/>
        <source>Segmentation</source>
        <translation>Segmentierung</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Segments</source>
        <translation>Segmente</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Selected polygons</source>
        <translation>Ausgewählte Polygone</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Selected polygons are those of the layer that is active in the layer panel; objects that touch one of them are kept whole.</source>
        <translation>Ausgewählte Polygone sind die des Layers, der im Layerbedienfeld aktiv ist; Objekte, die eines davon berühren, bleiben ganz.</translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>Sending the layer to the engine</source>
        <translation>Der Layer wird an die Engine gesendet</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <location filename="../gui/welcome_page.py"/>
        <source>Set up…</source>
        <translation>Einrichten …</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Show or hide GeoPhrase: type a phrase on a raster layer, get polygons</source>
        <translation>GeoPhrase ein- oder ausblenden: Suchbegriff zu einem Rasterlayer eingeben, Polygone erhalten</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Show the area to the model as a single image instead of tiles, so that words such as &quot;the leftmost&quot; or &quot;the largest&quot; mean what you see. Small objects are found less well.</source>
        <translation>Den Bereich dem Modell als ein einziges Bild statt in Kacheln zeigen, damit Wörter wie „the leftmost“ oder „the largest“ meinen, was Sie sehen. Kleine Objekte werden schlechter gefunden.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>Show the extent as one image</source>
        <translation>Die Ausdehnung als ein Bild zeigen</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Show them on the map</source>
        <translation>Auf der Karte zeigen</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Side of the images (pixels)</source>
        <translation>Seite der Bilder (Pixel)</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Simplify by</source>
        <translation>Vereinfachen um</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Simplify outlines by (metres)</source>
        <translation>Umrisse vereinfachen um (Meter)</translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>Smaller polygons are left out. Acts on the result at once.</source>
        <translation>Kleinere Polygone werden ausgelassen. Wirkt sofort auf das Ergebnis.</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <location filename="../processing/export_training_data.py"/>
        <source>Split</source>
        <translation>Teilmenge</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Starting…</source>
        <translation>Startet …</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>Take the pixel side of the map as it is shown now</source>
        <translation>Pixelseite der Karte übernehmen, wie sie jetzt dargestellt ist</translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Target</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>That area has no place in the layer&apos;s coordinates ({why}). Zoom to the layer first.</source>
        <translation>Dieser Bereich hat in den Koordinaten des Layers keinen Platz ({why}). Zoomen Sie zuerst auf den Layer.</translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>That area is empty. Choose one that has a width and a height.</source>
        <translation>Dieser Bereich ist leer. Wählen Sie einen, der eine Breite und eine Höhe hat.</translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>That area lies beside the layer {name}. Zoom to the layer, or choose another area.</source>
        <translation>Dieser Bereich liegt neben dem Layer {name}. Zoomen Sie auf den Layer, oder wählen Sie einen anderen Bereich.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>The CPU build works everywhere; an NVIDIA GPU would be much faster.</source>
        <translation>Die CPU-Fassung läuft überall; eine NVIDIA-GPU wäre viel schneller.</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>The band of probabilities. Empty: the first.</source>
        <translation>Das Band mit den Wahrscheinlichkeiten. Leer: das erste.</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>The box before (Page Up on the map)</source>
        <translation>Das vorige Rechteck (Bild auf in der Karte)</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>The column that says what is in each box; none for the phrase after Find</source>
        <translation>Die Spalte, die sagt, was in den Rechtecken ist; keine für den Suchbegriff von oben</translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>The command line reads files, and {layer} is drawn by QGIS. Save it as a GeoTIFF, or use GeoPhrase&apos;s algorithms in the Processing toolbox.</source>
        <translation>Die Befehlszeile liest Dateien, und {layer} wird von QGIS gezeichnet. Speichern Sie den Layer als GeoTIFF, oder verwenden Sie GeoPhrases Algorithmen in der Verarbeitungswerkzeugkiste.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The disk is full.</source>
        <translation>Der Datenträger ist voll.</translation>
    </message>
    <message>
        <location filename="../core/engine/process.py"/>
        <source>The engine could not be started: {reason}. Check the engine in the settings.</source>
        <translation>Die Engine konnte nicht gestartet werden: {reason}. Prüfen Sie die Engine in den Einstellungen.</translation>
    </message>
    <message>
        <location filename="../core/engine/client.py"/>
        <source>The engine did not answer within {seconds} s. Wait for what it does to end, or restart it.</source>
        <translation>Die Engine hat {seconds} s lang nicht geantwortet. Warten Sie, bis sie mit ihrer Arbeit fertig ist, oder starten Sie sie neu.</translation>
    </message>
    <message>
        <location filename="../core/engine/process.py"/>
        <source>The engine did not start in time. Try again.</source>
        <translation>Die Engine ist nicht rechtzeitig gestartet. Versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/environment/doctor.py"/>
        <source>The engine did not start.</source>
        <translation>Die Engine ist nicht gestartet.</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>The engine did not start. &lt;a href=&quot;retry&quot;&gt;Try again&lt;/a&gt;</source>
        <translation>Die Engine ist nicht gestartet. &lt;a href=&quot;retry&quot;&gt;Noch einmal versuchen&lt;/a&gt;</translation>
    </message>
    <message>
        <location filename="../core/engine/process.py"/>
        <source>The engine ended at once. Check the engine in the settings.</source>
        <translation>Die Engine hat sich sofort beendet. Prüfen Sie die Engine in den Einstellungen.</translation>
    </message>
    <message>
        <location filename="../gui/doctor_dialog.py"/>
        <source>The engine examines itself and this machine…</source>
        <translation>Die Engine untersucht sich und diesen Rechner …</translation>
    </message>
    <message>
        <location filename="../core/engine/answer.py"/>
        <source>The engine failed without saying why.</source>
        <translation>Die Engine ist ohne Angabe von Gründen gescheitert.</translation>
    </message>
    <message>
        <location filename="../core/refine/refine_engine.py"/>
        <source>The engine has no model named {name}; choose another one.</source>
        <translation>Die Engine hat kein Modell namens {name}; wählen Sie ein anderes.</translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>The engine is installed</source>
        <translation>Die Engine ist installiert</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>The engine is installed but its check of “{name}” failed: {detail}.</source>
        <translation>Die Engine ist installiert, aber ihre Prüfung von „{name}“ ist gescheitert: {detail}.</translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>The engine is newer than this plugin (protocol {theirs}, not {ours}). Update the plugin.</source>
        <translation>Die Engine ist neuer als diese Erweiterung (Protokoll {theirs}, nicht {ours}). Aktualisieren Sie die Erweiterung.</translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>The engine is older than this plugin (protocol {theirs}, not {ours}). Update the engine.</source>
        <translation>Die Engine ist älter als diese Erweiterung (Protokoll {theirs}, nicht {ours}). Aktualisieren Sie die Engine.</translation>
    </message>
    <message>
        <location filename="../core/environment/background_installation.py"/>
        <source>The engine is removed</source>
        <translation>Die Engine ist entfernt</translation>
    </message>
    <message>
        <location filename="../gui/dock.py"/>
        <source>The engine is started again as the settings say when the run has ended.</source>
        <translation>Die Engine wird nach dem Ende des Laufs neu gestartet, wie es die Einstellungen sagen.</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>The engine is starting…</source>
        <translation>Die Engine startet …</translation>
    </message>
    <message>
        <location filename="../core/segment/outliner.py"/>
        <source>The engine no longer has this result. Run the query again to use the sliders on it.</source>
        <translation>Die Engine hat dieses Ergebnis nicht mehr. Starten Sie die Suche noch einmal, um die Regler darauf anzuwenden.</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>The engine starts when it is needed.</source>
        <translation>Die Engine startet, sobald sie gebraucht wird.</translation>
    </message>
    <message>
        <location filename="../core/engine/service.py"/>
        <source>The engine stopped and is started again; the job goes on from what was finished.</source>
        <translation>Die Engine hat sich beendet und wird neu gestartet; der Auftrag geht vom bisher Fertigen aus weiter.</translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>The engine stopped before it answered. Try again.</source>
        <translation>Die Engine hat sich vor der Antwort beendet. Versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/engine/service.py"/>
        <source>The engine stopped twice at this work. Try a smaller area or another model.</source>
        <translation>Die Engine hat sich bei dieser Arbeit zweimal beendet. Versuchen Sie es mit einem kleineren Bereich oder einem anderen Modell.</translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>The engine was stopped. Start the work again.</source>
        <translation>Die Engine wurde beendet. Starten Sie die Arbeit noch einmal.</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>The engine {version} is installed and up to date. {device}</source>
        <translation>Die Engine {version} ist installiert und aktuell. {device}</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>The engine {version} is installed; an update is due: {steps}.</source>
        <translation>Die Engine {version} ist installiert; eine Aktualisierung steht an: {steps}.</translation>
    </message>
    <message>
        <location filename="../core/engine/client.py"/>
        <source>The engine&apos;s answer was not understood ({reason}). Restart the engine, or reinstall it.</source>
        <translation>Die Antwort der Engine war nicht zu verstehen ({reason}). Starten Sie die Engine neu oder installieren Sie sie noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/engine/process.py"/>
        <source>The engine&apos;s command is not an engine: it printed {line}. Check the engine in the settings.</source>
        <translation>Der Befehl der Engine ist keine Engine: Er gab {line} aus. Prüfen Sie die Engine in den Einstellungen.</translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>The environment&apos;s Python does not start.</source>
        <translation>Das Python der Umgebung startet nicht.</translation>
    </message>
    <message>
        <location filename="../gui/export_task.py"/>
        <source>The export failed unexpectedly ({error}). The log panel has the details; try again.</source>
        <translation>Der Export ist unerwartet gescheitert ({error}). Einzelheiten stehen im Protokollbedienfeld; versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/export/new_file.py"/>
        <location filename="../core/export/prepare.py"/>
        <location filename="../gui/export_task.py"/>
        <source>The export was cancelled; nothing was written.</source>
        <translation>Der Export wurde abgebrochen; nichts wurde geschrieben.</translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>The export was cancelled; the images that were finished are kept.</source>
        <translation>Der Export wurde abgebrochen; die fertigen Bilder bleiben erhalten.</translation>
    </message>
    <message>
        <location filename="../core/raster/layer_raster.py"/>
        <source>The extent lies beside the layer {name}; choose one that overlaps it.</source>
        <translation>Die Ausdehnung liegt neben dem Layer {name}; wählen Sie eine, die ihn überlappt.</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>The first {count} outlines in view.</source>
        <translation>Die ersten {count} Umrisse im Kartenausschnitt.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The folder of wheels has no {requirement} that fits Python {python} on this computer.</source>
        <translation>Der Ordner mit Wheels hat kein {requirement}, das zu Python {python} auf diesem Rechner passt.</translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>The folder {folder} already holds an environment that isn&apos;t GeoPhrase&apos;s.</source>
        <translation>Der Ordner {folder} enthält schon eine Umgebung, die nicht von GeoPhrase stammt.</translation>
    </message>
    <message>
        <location filename="../core/engine/job_run.py"/>
        <location filename="../core/engine/job_stream.py"/>
        <location filename="../core/engine/service.py"/>
        <source>The job was cancelled.</source>
        <translation>Der Auftrag wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../core/annotate/label_store.py"/>
        <source>The label could not be saved in {layer} ({why}). Free space or make the file writable, then accept it again.</source>
        <translation>In {layer} konnte nicht gespeichert werden ({why}). Schaffen Sie Platz, oder machen Sie die Datei beschreibbar, und übernehmen Sie dann noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/annotate/label_store.py"/>
        <source>The labels at {path} can&apos;t be opened. Move that file away to begin anew.</source>
        <translation>Die Beschriftungen in {path} lassen sich nicht öffnen. Legen Sie die Datei woandershin, um neu zu beginnen.</translation>
    </message>
    <message>
        <location filename="../core/annotate/label_store.py"/>
        <source>The labels can&apos;t be written to {path} ({why}). Free space there or make it writable.</source>
        <translation>Die Beschriftungen lassen sich nicht nach {path} schreiben ({why}). Schaffen Sie dort Platz, oder machen Sie den Ordner beschreibbar.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>The layer can&apos;t be placed on this map; change the project&apos;s CRS.</source>
        <translation>Der Layer lässt sich auf dieser Karte nicht einordnen; ändern Sie das KBS des Projekts.</translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>The layer has no place for: {names}.</source>
        <translation>Der Layer hat keinen Platz für: {names}.</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>The layer was removed meanwhile; choose another one.</source>
        <translation>Der Layer wurde inzwischen entfernt; wählen Sie einen anderen.</translation>
    </message>
    <message>
        <location filename="../core/raster/rendered.py"/>
        <source>The layer {name} can&apos;t be drawn; repair its data source, then try again.</source>
        <translation>Der Layer {name} lässt sich nicht zeichnen; reparieren Sie seine Datenquelle, und versuchen Sie es dann noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>The layer {name} can&apos;t be edited. Make it writable, or export it and refine the copy.</source>
        <translation>Der Layer {name} lässt sich nicht bearbeiten. Machen Sie ihn beschreibbar, oder exportieren Sie ihn und verfeinern Sie die Kopie.</translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>The layer {name} can&apos;t be read. Repair its source, or choose another one.</source>
        <translation>Der Layer {name} lässt sich nicht lesen. Reparieren Sie seine Quelle, oder wählen Sie einen anderen.</translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>The layer {name} did not take the polygons ({reason}); write a new file instead.</source>
        <translation>Der Layer {name} hat die Polygone nicht angenommen ({reason}); schreiben Sie stattdessen eine neue Datei.</translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>The layer {name} does not hold polygons; choose a layer of polygons.</source>
        <translation>Der Layer {name} enthält keine Polygone; wählen Sie einen Polygonlayer.</translation>
    </message>
    <message>
        <location filename="../core/raster/layer_raster.py"/>
        <source>The layer {name} has no extent; reload it, or choose another layer.</source>
        <translation>Der Layer {name} hat keine Ausdehnung; laden Sie ihn neu, oder wählen Sie einen anderen Layer.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>The layer {name} has no pixel there; click inside it.</source>
        <translation>Der Layer {name} hat dort kein Pixel; klicken Sie in den Layer.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>The layer {name} has no pixels in the box; draw it inside the layer.</source>
        <translation>Der Layer {name} hat im Rechteck keine Pixel; zeichnen Sie es im Layer.</translation>
    </message>
    <message>
        <location filename="../processing/resolution.py"/>
        <source>The layer {name} has no pixels of its own. Give a working resolution in metres per pixel, for example 0.5.</source>
        <translation>Der Layer {name} hat keine eigenen Pixel. Geben Sie eine Arbeitsauflösung in Metern pro Pixel an, zum Beispiel 0,5.</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>The layer {name} is no raster file. Save it as one, then polygonise that.</source>
        <translation>Der Layer {name} ist keine Rasterdatei. Speichern Sie ihn als solche, und polygonisieren Sie dann diese.</translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>The layer {name} is read-only; choose another layer or write a new file.</source>
        <translation>Der Layer {name} ist schreibgeschützt; wählen Sie einen anderen Layer, oder schreiben Sie eine neue Datei.</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>The layer {name} is shown to the model as QGIS draws it; the bands chosen are not used.</source>
        <translation>Der Layer {name} wird dem Modell so gezeigt, wie QGIS ihn zeichnet; die gewählten Bänder werden nicht verwendet.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>The model then sees the extent as a whole, so that &quot;the leftmost&quot; or &quot;the largest&quot; mean what you see; small objects are lost in a large extent.</source>
        <translation>Das Modell sieht die Ausdehnung dann als Ganzes, sodass „the leftmost“ oder „the largest“ meinen, was Sie sehen; kleine Objekte gehen in einer großen Ausdehnung verloren.</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>The next box (Page Down on the map)</source>
        <translation>Das nächste Rechteck (Bild ab in der Karte)</translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>The object has several parts and {name} takes one. Export to a multi-polygon layer.</source>
        <translation>Das Objekt hat mehrere Teile, und {name} nimmt nur einen auf. Exportieren Sie in einen Multipolygonlayer.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>The objects, checked by a person, in any coordinate system.</source>
        <translation>Die Objekte, von einem Menschen geprüft, in einem beliebigen Koordinatensystem.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The package index could not be reached.</source>
        <translation>Der Paketindex war nicht zu erreichen.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The package index has no {requirement} that fits Python {python} on this computer.</source>
        <translation>Der Paketindex hat kein {requirement}, das zu Python {python} auf diesem Rechner passt.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The package index shows a certificate that is not trusted, as behind some proxies.</source>
        <translation>Der Paketindex weist ein Zertifikat vor, dem nicht vertraut wird, wie es hinter manchen Proxys vorkommt.</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>The phrase&apos;s other polygons in an image are right, too</source>
        <translation>Auch die übrigen Polygone des Suchbegriffs in einem Bild stimmen</translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>The polygon could not be put into the layer {name}. Look at the layer&apos;s message in the log.</source>
        <translation>Das Polygon konnte nicht in den Layer {name} eingefügt werden. Lesen Sie die Meldung des Layers im Protokoll.</translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>The polygon has no place in the coordinates of {name}. Choose a layer of another CRS.</source>
        <translation>Das Polygon hat in den Koordinaten von {name} keinen Platz. Wählen Sie einen Layer mit einem anderen KBS.</translation>
    </message>
    <message>
        <location filename="../core/segment/layer_writer.py"/>
        <source>The polygons can&apos;t be written ({why}). Free space on the disk and run the query again.</source>
        <translation>Die Polygone lassen sich nicht schreiben ({why}). Schaffen Sie Platz auf dem Datenträger, und starten Sie die Suche noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/vector/reproject.py"/>
        <source>The polygons cannot be expressed in {crs} ({reason}); choose a target in another CRS.</source>
        <translation>Die Polygone lassen sich in {crs} nicht ausdrücken ({reason}); wählen Sie ein Ziel mit einem anderen KBS.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>The polygons have no phrase. Choose the field that has it, or type one for all.</source>
        <translation>Die Polygone haben keinen Suchbegriff. Wählen Sie das Feld, das ihn enthält, oder geben Sie einen für alle ein.</translation>
    </message>
    <message>
        <location filename="../core/vector/reproject.py"/>
        <source>The polygons lie outside the area of {crs}; choose a target in another CRS.</source>
        <translation>Die Polygone liegen außerhalb des Gebiets von {crs}; wählen Sie ein Ziel mit einem anderen KBS.</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>The program geophrase of that engine</source>
        <translation>Das Programm geophrase jener Engine</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>The program geophrase, the folder of its environment, or a command line.</source>
        <translation>Das Programm geophrase, der Ordner seiner Umgebung oder eine Befehlszeile.</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The proxy refused the connection because of its user name or password.</source>
        <translation>Der Proxy hat die Verbindung wegen des Benutzernamens oder des Passworts abgelehnt.</translation>
    </message>
    <message>
        <location filename="../core/segment/queries.py"/>
        <source>The query holds characters that are no text. Type it again.</source>
        <translation>Die Suchanfrage enthält Zeichen, die kein Text sind. Geben Sie sie noch einmal ein.</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>The raster&apos;s value for a probability of 1, such as 100 for per cent. Empty: 1 for decimal numbers, else the largest number of the raster&apos;s type.</source>
        <translation>Der Wert des Rasters für eine Wahrscheinlichkeit von 1, etwa 100 für Prozent. Leer: 1 für Dezimalzahlen, sonst die größte Zahl des Rastertyps.</translation>
    </message>
    <message>
        <location filename="../core/segment/layer.py"/>
        <source>The result at {path} can&apos;t be opened. Run the query again.</source>
        <translation>Das Ergebnis unter {path} lässt sich nicht öffnen. Starten Sie die Suche noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/segment/result_file.py"/>
        <source>The result can&apos;t be written to {folder} ({why}). Free space there or make it writable.</source>
        <translation>Das Ergebnis lässt sich nicht nach {folder} schreiben ({why}). Schaffen Sie dort Platz, oder machen Sie den Ordner beschreibbar.</translation>
    </message>
    <message>
        <location filename="../core/segment/task.py"/>
        <source>The run failed unexpectedly ({error}). The log panel has the details; run it again.</source>
        <translation>Der Lauf ist unerwartet gescheitert ({error}). Einzelheiten stehen im Protokollbedienfeld; starten Sie ihn noch einmal.</translation>
    </message>
    <message>
        <location filename="../core/segment/job.py"/>
        <source>The run was cancelled.</source>
        <translation>Der Lauf wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>The work goes on when this page is closed.</source>
        <translation>Die Arbeit geht weiter, wenn diese Seite geschlossen wird.</translation>
    </message>
    <message>
        <location filename="../gui/export_controller.py"/>
        <source>There are no polygons to export. Run a query, or choose a segments layer.</source>
        <translation>Es gibt keine Polygone zum Exportieren. Starten Sie eine Suche, oder wählen Sie einen Segmentlayer.</translation>
    </message>
    <message>
        <location filename="../core/segment/queries.py"/>
        <source>There are {count} phrases. Ask for at most {most} at once.</source>
        <translation>Es sind {count} Suchbegriffe. Fragen Sie nach höchstens {most} auf einmal.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>There is no CUDA build for this processor.</source>
        <translation>Für diesen Prozessor gibt es keine CUDA-Fassung.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>There is no CUDA on macOS.</source>
        <translation>Unter macOS gibt es kein CUDA.</translation>
    </message>
    <message>
        <location filename="../core/settings.py"/>
        <source>There is no engine at {path}, which the settings name. Correct it there, or set an engine up.</source>
        <translation>Unter {path}, das die Einstellungen nennen, gibt es keine Engine. Berichtigen Sie es dort, oder richten Sie eine Engine ein.</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>There is no engine at “{path}”: choose the program geophrase in its environment.</source>
        <translation>Unter „{path}“ gibt es keine Engine: Wählen Sie das Programm geophrase in seiner Umgebung.</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>There is no field {name}; the layer has {fields}.</source>
        <translation>Es gibt kein Feld {name}; der Layer hat {fields}.</translation>
    </message>
    <message>
        <location filename="../gui/label_controller.py"/>
        <source>There is no layer of boxes. Add one to the project and choose it.</source>
        <translation>Es gibt keinen Layer mit Rechtecken. Fügen Sie dem Projekt einen hinzu, und wählen Sie ihn.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>There is no polygon with a phrase. Draw some, or run a query first.</source>
        <translation>Es gibt kein Polygon mit einem Suchbegriff. Zeichnen Sie welche, oder starten Sie zuerst eine Suche.</translation>
    </message>
    <message>
        <location filename="../core/segment/queries.py"/>
        <source>There is no query. Type what to look for, such as &quot;storage tanks&quot;.</source>
        <translation>Es gibt keine Suchanfrage. Geben Sie auf Englisch ein, wonach gesucht werden soll, zum Beispiel „storage tanks“.</translation>
    </message>
    <message>
        <location filename="../gui/refine_controller.py"/>
        <source>There is no raster layer to refine on. Add one to the project and choose it.</source>
        <translation>Es gibt keinen Rasterlayer zum Verfeinern. Fügen Sie dem Projekt einen hinzu, und wählen Sie ihn.</translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>There is no raster layer. Add one to the project and choose it.</source>
        <translation>Es gibt keinen Rasterlayer. Fügen Sie dem Projekt einen hinzu, und wählen Sie ihn.</translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>There is nothing to remove from yet; click on an object first.</source>
        <translation>Noch gibt es nichts, wovon etwas zu entfernen wäre; klicken Sie zuerst auf ein Objekt.</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>This box has nothing to label: go on without (Delete on the map)</source>
        <translation>In diesem Rechteck ist nichts zu umreißen: ohne es weiter (Entf auf der Karte)</translation>
    </message>
    <message>
        <location filename="../core/engine/client.py"/>
        <source>This would send {size} MiB to the engine, which takes {limit}. Choose a smaller area.</source>
        <translation>Damit würden {size} MiB an die Engine gesendet, die {limit} annimmt. Wählen Sie einen kleineren Bereich.</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Three bands in this order, or one that is shown as grey. Nothing chosen: those that the layer shows in QGIS.</source>
        <translation>Drei Bänder in dieser Reihenfolge, oder eines, das als Grau gezeigt wird. Nichts gewählt: die, die der Layer in QGIS zeigt.</translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>Threshold</source>
        <translation>Schwelle</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Threshold (probability)</source>
        <translation>Schwellenwert (Wahrscheinlichkeit)</translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>To the right only what the model is sure of, to the left more. Acts on the result at once.</source>
        <translation>Rechts nur, dessen das Modell sicher ist, links mehr. Wirkt sofort auf das Ergebnis.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Training</source>
        <translation>Training</translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>Type what to look for first</source>
        <translation>Geben Sie zuerst ein, wonach gesucht werden soll</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Undo the last click</source>
        <translation>Letzten Klick rückgängig machen</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Uninstall</source>
        <translation>Deinstallieren</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Uninstall…</source>
        <translation>Deinstallieren …</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Unload the model after</source>
        <translation>Modell entladen nach</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Update</source>
        <translation>Aktualisieren</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Use</source>
        <translation>Verwenden</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Use an engine that is already installed</source>
        <translation>Eine schon installierte Engine verwenden</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Value that stands for certainty</source>
        <translation>Wert, der für Gewissheit steht</translation>
    </message>
    <message>
        <location filename="../core/environment/lock.py"/>
        <source>Wait until it has finished, then press Retry.</source>
        <translation>Warten Sie, bis es fertig ist, und drücken Sie dann „Wiederholen“.</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Walls become straight and perpendicular where that stays close to what was found. Without a tolerance it is taken from each polygon&apos;s size.</source>
        <translation>Wände werden gerade und rechtwinklig, wo das nahe am Gefundenen bleibt. Ohne Toleranz richtet sie sich nach der Größe jedes Polygons.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>What all the polygons are, instead of a field.</source>
        <translation>Was alle Polygone sind, anstelle eines Feldes.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>What each polygon is. Empty: the field query, which GeoPhrase&apos;s own polygons have.</source>
        <translation>Was jedes Polygon ist. Leer: das Feld query, das GeoPhrases eigene Polygone haben.</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>What the engine has, what it lacks, and why a GPU is not used</source>
        <translation>Was die Engine hat, was ihr fehlt und warum eine GPU nicht verwendet wird</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>What the images are cut from, as QGIS shows it.</source>
        <translation>Woraus die Bilder geschnitten werden, so wie QGIS es darstellt.</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>What the images are for: training, choosing the best model (val) or testing it. By place, blocks of neighbouring images go to one split, and the same place always to the same.</source>
        <translation>Wofür die Bilder sind: Training, Auswahl des besten Modells (val) oder dessen Test. Nach Ort kommen Blöcke benachbarter Bilder in eine Teilmenge, derselbe Ort immer in dieselbe.</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>What the objects are</source>
        <translation>Was die Objekte sind</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>What the polygons are; it is written into their field query.</source>
        <translation>Was die Polygone sind; es wird in ihr Feld query geschrieben.</translation>
    </message>
    <message>
        <location filename="../gui/query_line.py"/>
        <location filename="../processing/segment_by_text.py"/>
        <source>What to look for</source>
        <translation>Wonach gesucht wird</translation>
    </message>
    <message>
        <location filename="../gui/query_line.py"/>
        <source>What to look for, in English. Several phrases separated by semicolons are found in one pass and make one category each.</source>
        <translation>Wonach gesucht wird, auf Englisch. Mehrere durch Semikolon getrennte Suchbegriffe werden in einem Durchgang gefunden und bilden je eine Kategorie.</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Wheels</source>
        <translation>Wheels</translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Where</source>
        <translation>Wo</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Where to look</source>
        <translation>Wo gesucht wird</translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Whole layer</source>
        <translation>Ganzer Layer</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Without fields that say otherwise, every point and every box is an object of its own. The outline of an object depends on its own points and box alone. Besides the usual attributes, the polygons carry the object&apos;s name and the feature that marks it.</source>
        <translation>Ohne Felder, die etwas anderes sagen, ist jeder Punkt und jedes Rechteck ein eigenes Objekt. Der Umriss eines Objekts hängt nur von seinen eigenen Punkten und seinem Rechteck ab. Außer den üblichen Attributen tragen die Polygone den Namen des Objekts und das Vektorobjekt, das es markiert.</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Work</source>
        <translation>Arbeitsweise</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>Work in the raster&apos;s own pixels, or coarser for large objects: metres per pixel.</source>
        <translation>In den eigenen Pixeln des Rasters arbeiten, oder für große Objekte gröber: Meter pro Pixel.</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Working resolution (metres per pixel)</source>
        <translation>Arbeitsauflösung (Meter pro Pixel)</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>You use an engine of your own. Nothing is downloaded before you press Install.</source>
        <translation>Sie verwenden eine eigene Engine. Es wird nichts heruntergeladen, bevor Sie „Installieren“ drücken.</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>all polygons ({count})</source>
        <translation>alle Polygone ({count})</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>answers to “{query}”</source>
        <translation>Antworten auf „{query}“</translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>any</source>
        <translation>beliebig</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>at once</source>
        <translation>sofort</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>busy</source>
        <translation>beschäftigt</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>busy, {count} waiting</source>
        <translation>beschäftigt, {count} in der Warteschlange</translation>
    </message>
    <message>
        <location filename="../core/segment/layer.py"/>
        <location filename="../gui/result_box.py"/>
        <source>clicked objects</source>
        <translation>angeklickte Objekte</translation>
    </message>
    <message>
        <location filename="../gui/query_line.py"/>
        <source>e.g. storage tanks; ships</source>
        <translation>z. B. storage tanks; ships</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>its own pixels</source>
        <translation>die eigenen Pixel</translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>its own pixels ({side:g} {unit})</source>
        <translation>die eigenen Pixel ({side:g} {unit})</translation>
    </message>
    <message>
        <location filename="../core/annotate/label_store.py"/>
        <source>labels: {boxes} · {raster}</source>
        <translation>Beschriftungen: {boxes} · {raster}</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>loading the model</source>
        <translation>lädt das Modell</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>no</source>
        <translation>nein</translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>no reason given</source>
        <translation>kein Grund angegeben</translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <location filename="../processing/parameters.py"/>
        <source>none</source>
        <translation>keine</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>only without a network</source>
        <translation>nur ohne Netzwerk</translation>
    </message>
    <message>
        <location filename="../core/export/new_file.py"/>
        <source>only {found} of {count} polygons could be stored</source>
        <translation>nur {found} von {count} Polygonen konnten gespeichert werden</translation>
    </message>
    <message>
        <location filename="../core/segment/result_style.py"/>
        <source>other</source>
        <translation>sonstige</translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>pip can&apos;t use a SOCKS proxy.</source>
        <translation>pip kann keinen SOCKS-Proxy verwenden.</translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>polygonize,polygonise,vectorize,vectorise,probability,mask,raster,threshold</source>
        <translation>polygonisieren,vektorisieren,Wahrscheinlichkeit,Maske,Raster,Schwellenwert,polygonize,polygonise,vectorize,vectorise,probability,mask,threshold</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>ready</source>
        <translation>bereit</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>segment,points,boxes,clicks,prompts,sam,refine,outline,digitise,digitize,ai</source>
        <translation>segmentieren,Punkte,Rechtecke,Klicks,SAM,verfeinern,Umriss,digitalisieren,KI,segment,points,boxes,clicks,prompts,refine,outline,digitise,digitize</translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>segment,text,phrase,query,prompt,sam,detect,extract,objects,ai,deep learning</source>
        <translation>segmentieren,Text,Suchbegriff,Suchanfrage,SAM,erkennen,extrahieren,Objekte,KI,segment,phrase,query,prompt,detect,extract,objects,deep learning</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>shared out by place: 80 % train, 10 % val, 10 % test</source>
        <translation>nach Ort aufgeteilt: 80 % train, 10 % val, 10 % test</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>the default folder</source>
        <translation>der Vorgabeordner</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>the engine&apos;s default</source>
        <translation>die Vorgabe der Engine</translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>the image could not be encoded</source>
        <translation>das Bild konnte nicht kodiert werden</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>the layer&apos;s own</source>
        <translation>die des Layers</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>the private environment</source>
        <translation>die eigene Umgebung</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>the query of each polygon</source>
        <translation>die Suchanfrage des jeweiligen Polygons</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>the selected polygons ({count})</source>
        <translation>die ausgewählten Polygone ({count})</translation>
    </message>
    <message>
        <location filename="../core/segment/layer_writer.py"/>
        <source>the system doesn&apos;t say why</source>
        <translation>das System nennt keinen Grund</translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>the user&apos;s cache folder</source>
        <translation>der Cache-Ordner des Benutzers</translation>
    </message>
    <message>
        <location filename="../core/raster/rendered.py"/>
        <source>tiles are missing or empty</source>
        <translation>Kacheln fehlen oder sind leer</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>to choose by</source>
        <translation>zum Auswählen</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>to learn from</source>
        <translation>zum Lernen</translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>to test with</source>
        <translation>zum Testen</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>training,fine-tune,samples,labels,chips,masks,risors,dataset,deep learning</source>
        <translation>Training,Feinabstimmung,Stichprobe,Beschriftung,Ausschnitte,Masken,RISORS,Datensatz,Deep Learning,training,fine-tune,samples,labels,chips</translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>with encodings and downloaded models</source>
        <translation>mit Kodierungen und heruntergeladenen Modellen</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>{accepted} accepted, {dropped} dropped</source>
        <translation>{accepted} übernommen, {dropped} ausgelassen</translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>{area:g} ha</source>
        <translation>{area:g} ha</translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>{area:g} m²</source>
        <translation>{area:g} m²</translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>{count} bands are chosen. Choose three, for red, green and blue, or one that is shown as grey.</source>
        <translation>{count} Bänder sind gewählt. Wählen Sie drei, für Rot, Grün und Blau, oder eines, das als Grau gezeigt wird.</translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} images were left out: another split shows the place.</source>
        <translation>{count} Bilder wurden ausgelassen: Eine andere Teilmenge zeigt die Stelle.</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{count} min</source>
        <translation>{count} min</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>{count} outlines in view.</source>
        <translation>{count} Umrisse im Kartenausschnitt.</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>{count} polygons</source>
        <translation>{count} Polygone</translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} polygons are larger than an image; a larger pixel size shows more.</source>
        <translation>{count} Polygone sind größer als ein Bild; eine größere Pixelgröße zeigt mehr.</translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} polygons lie beside the layer and were left out.</source>
        <translation>{count} Polygone liegen neben dem Layer und wurden ausgelassen.</translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} polygons were added to {name}. Save the layer&apos;s edits to keep them, or undo.</source>
        <translation>{count} Polygone wurden zu {name} hinzugefügt. Speichern Sie die Layeränderungen, um sie zu behalten, oder machen Sie sie rückgängig.</translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} polygons were written to {path}.</source>
        <translation>{count} Polygone wurden nach {path} geschrieben.</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{count} polygons · tile {done} of {total}</source>
        <translation>{count} Polygone · Kachel {done} von {total}</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{count} s</source>
        <translation>{count} s</translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} were left out as too small.</source>
        <translation>{count} wurden als zu klein ausgelassen.</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>{count}: {queries}</source>
        <translation>{count}: {queries}</translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>{folder} could not be written ({reason}); choose a folder that is writable and has space.</source>
        <translation>{folder} konnte nicht geschrieben werden ({reason}); wählen Sie einen Ordner, der beschreibbar ist und Platz hat.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} is too old for today&apos;s PyTorch.</source>
        <translation>{gpu} ist zu alt für das heutige PyTorch.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} needs driver {new} or newer, and {driver} is installed: update it first.</source>
        <translation>{gpu} braucht den Treiber {new} oder neuer, installiert ist {driver}: Aktualisieren Sie ihn zuerst.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} needs driver {old} or newer, and {driver} is installed: update it first.</source>
        <translation>{gpu} braucht den Treiber {old} oder neuer, installiert ist {driver}: Aktualisieren Sie ihn zuerst.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} with driver {driver} runs CUDA 12.6.</source>
        <translation>{gpu} mit Treiber {driver} führt CUDA 12.6 aus.</translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} with driver {driver} runs CUDA 13.</source>
        <translation>{gpu} mit Treiber {driver} führt CUDA 13 aus.</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{hours} h {minutes} min</source>
        <translation>{hours} h {minutes} min</translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{images} images with {count} polygons were saved as training data.</source>
        <translation>{images} Bilder mit {count} Polygonen wurden als Trainingsdaten gespeichert.</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>{model} (clicks only)</source>
        <translation>{model} (nur Klicks)</translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>{model} (downloads {size:.0f} MB)</source>
        <translation>{model} (lädt {size:.0f} MB herunter)</translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>{name} exists already. Replace it?</source>
        <translation>{name} gibt es schon. Ersetzen?</translation>
    </message>
    <message>
        <location filename="../core/raster/upload.py"/>
        <source>{name} would be drawn as {width:,} × {height:,} pixels, which is too much. Search a smaller area, such as the map view, or choose larger pixels.</source>
        <translation>{name} würde mit {width:,} × {height:,} Pixeln gezeichnet, was zu viel ist. Durchsuchen Sie einen kleineren Bereich, etwa den Kartenausschnitt, oder wählen Sie größere Pixel.</translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>{needed:.1f} GB are needed, and {free:.1f} GB are free where {folder} is.</source>
        <translation>{needed:.1f} GB werden gebraucht, und {free:.1f} GB sind frei, wo {folder} liegt.</translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>{number} of {count}</source>
        <translation>{number} von {count}</translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>{path} can&apos;t make environments, for its venv module is missing.</source>
        <translation>{path} kann keine Umgebungen anlegen, denn ihm fehlt das Modul venv.</translation>
    </message>
    <message>
        <location filename="../core/export/new_file.py"/>
        <source>{path} could not be written ({reason}); choose a folder that is writable and has space.</source>
        <translation>{path} konnte nicht geschrieben werden ({reason}); wählen Sie einen Ordner, der beschreibbar ist und Platz hat.</translation>
    </message>
    <message>
        <location filename="../core/export/new_file.py"/>
        <source>{path} exists already; choose another name, or allow it to be replaced.</source>
        <translation>{path} gibt es schon; wählen Sie einen anderen Namen, oder erlauben Sie das Ersetzen.</translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>{path} is damaged; repair or delete it, or choose another folder.</source>
        <translation>{path} ist beschädigt; reparieren oder löschen Sie die Datei, oder wählen Sie einen anderen Ordner.</translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>{path} is no 64-bit Python 3.10 or newer.</source>
        <translation>{path} ist kein 64-Bit-Python 3.10 oder neuer.</translation>
    </message>
    <message>
        <location filename="../core/segment/layer.py"/>
        <source>{queries} · {raster}</source>
        <translation>{queries} · {raster}</translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>{seconds:.1f} s</source>
        <translation>{seconds:.1f} s</translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>{seconds:.1f} s on {device}</source>
        <translation>{seconds:.1f} s auf {device}</translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>{split}: images {images}, polygons {objects}</source>
        <translation>{split}: Bilder {images}, Polygone {objects}</translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>{step} ({size:.0f} MB downloaded)</source>
        <translation>{step} ({size:.0f} MB heruntergeladen)</translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>{text} (the box around the selected polygons)</source>
        <translation>{text} (das Rechteck um die ausgewählten Polygone)</translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>{text} Its last words: {line}</source>
        <translation>{text} Ihre letzten Worte: {line}</translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{text} · {time} left</source>
        <translation>{text} · noch {time}</translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>{title} …</source>
        <translation>{title} …</translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>“{step}” failed: {message} {advice} The whole log is in {log}.</source>
        <translation>„{step}“ ist gescheitert: {message} {advice} Das ganze Protokoll liegt in {log}.</translation>
    </message>
</context>
</TS>
